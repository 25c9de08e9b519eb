package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/clavija/clavija/internal/auth"
)

// ErrNameTaken says that another user has that name, in whatever case.
var ErrNameTaken = errors.New("user name is taken")

const userColumns = `id, name, kind, account, pbx, extension, password_hash, version, created_at, updated_at`

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// AddUser stores a new user and returns it with what the store gives: ID, version and times.
func (s *Store) AddUser(ctx context.Context, u auth.User) (added auth.User, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		added, err = insertUser(ctx, tx, u)
		return err
	})
	if err != nil {
		return auth.User{}, fmt.Errorf("add user %s: %w", u.Name, err)
	}
	return added, nil
}

// SetAgent makes u the one agent of its extension and returns the one that it replaces, the zero User if none. If that
// has the same name, it remains the same user with another password.
func (s *Store) SetAgent(ctx context.Context, u auth.User) (former auth.User, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		former, err = agent(ctx, tx, u.Account, u.PBX, u.Extension)
		if err != nil && !errors.Is(err, auth.ErrNoUser) {
			return err
		}
		same, err := userByName(ctx, tx, u.Name)
		switch {
		case err == nil && same.ID == former.ID:
			return updatePassword(ctx, tx, former.ID, u.Name, u.PasswordHash)
		case err == nil:
			return ErrNameTaken
		case !errors.Is(err, auth.ErrNoUser):
			return err
		}
		if former.ID != 0 {
			if err := deleteUser(ctx, tx, former.ID); err != nil {
				return err
			}
		}
		_, err = insertUser(ctx, tx, u)
		return err
	})
	if err != nil {
		return auth.User{}, fmt.Errorf("set agent %s of extension %s: %w", u.Name, u.Extension, err)
	}
	return former, nil
}

// SetPassword stores the hash of a user's new password.
func (s *Store) SetPassword(ctx context.Context, u auth.User, hash string) error {
	if err := updatePassword(ctx, s.db, u.ID, u.Name, hash); err != nil {
		return fmt.Errorf("set password of %s: %w", u.Name, err)
	}
	return nil
}

// Rehash replaces the hash of a password that has not changed, if the user still has that version.
func (s *Store) Rehash(ctx context.Context, id, version int64, hash string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE users SET password_hash = $1 WHERE id = $2 AND version = $3`, hash, id, version)
	if err != nil {
		return fmt.Errorf("rehash password: %w", err)
	}
	return nil
}

// RemoveUser removes a user.
func (s *Store) RemoveUser(ctx context.Context, u auth.User) error {
	if err := deleteUser(ctx, s.db, u.ID); err != nil {
		return fmt.Errorf("remove user %s: %w", u.Name, err)
	}
	return nil
}

// UserByName returns the user of that name in whatever case, or [auth.ErrNoUser].
func (s *Store) UserByName(ctx context.Context, name string) (auth.User, error) {
	u, err := userByName(ctx, s.db, name)
	if err != nil {
		return auth.User{}, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

// Agent returns the agent of an extension, or [auth.ErrNoUser].
func (s *Store) Agent(ctx context.Context, account, pbx, extension string) (auth.User, error) {
	u, err := agent(ctx, s.db, account, pbx, extension)
	if err != nil {
		return auth.User{}, fmt.Errorf("read agent of extension %s: %w", extension, err)
	}
	return u, nil
}

// Users returns all users by account, PBX, extension and name.
func (s *Store) Users(ctx context.Context) (users []auth.User, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+userColumns+` FROM users ORDER BY account, pbx, extension, lower(name)`)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		u, err := scanUser(rows)
		if err != nil {
			return nil, fmt.Errorf("read users: %w", err)
		}
		users = append(users, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return users, nil
}

func userByName(ctx context.Context, q querier, name string) (auth.User, error) {
	return scanUser(q.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE lower(name) = lower($1)`, name))
}

func agent(ctx context.Context, q querier, account, pbx, extension string) (auth.User, error) {
	return scanUser(q.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users
		WHERE kind = 'agent' AND account = $1 AND pbx = $2 AND extension = $3`, account, pbx, extension))
}

// insertUser stores a user. Inside a transaction nobody can take the name after the look.
func insertUser(ctx context.Context, tx *sql.Tx, u auth.User) (auth.User, error) {
	if _, err := userByName(ctx, tx, u.Name); err == nil {
		return auth.User{}, ErrNameTaken
	} else if !errors.Is(err, auth.ErrNoUser) {
		return auth.User{}, err
	}
	now := timestamp()
	return scanUser(tx.QueryRowContext(ctx, `INSERT INTO users (name, kind, account, pbx, extension, password_hash, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING `+userColumns,
		u.Name, u.Kind, u.Account, u.PBX, u.Extension, u.PasswordHash, now))
}

func updatePassword(ctx context.Context, q querier, id int64, name, hash string) error {
	return onlyOne(q.ExecContext(ctx,
		`UPDATE users SET name = $1, password_hash = $2, version = version + 1, updated_at = $3 WHERE id = $4`,
		name, hash, timestamp(), id))
}

func deleteUser(ctx context.Context, q querier, id int64) error {
	return onlyOne(q.ExecContext(ctx, `DELETE FROM users WHERE id = $1`, id))
}

// onlyOne looks whether there was a user to change.
func onlyOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return auth.ErrNoUser
	}
	return err
}

// transaction calls f inside a transaction that sees no others' writes.
func (s *Store) transaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// scanUser reads one row of userColumns.
func scanUser(row interface{ Scan(dest ...any) error }) (auth.User, error) {
	var (
		u                auth.User
		created, updated string
	)
	err := row.Scan(&u.ID, &u.Name, &u.Kind, &u.Account, &u.PBX, &u.Extension, &u.PasswordHash, &u.Version, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.User{}, auth.ErrNoUser
	}
	if err != nil {
		return auth.User{}, err
	}
	var createdErr, updatedErr error
	u.CreatedAt, createdErr = time.Parse(time.RFC3339, created)
	u.UpdatedAt, updatedErr = time.Parse(time.RFC3339, updated)
	return u, errors.Join(createdErr, updatedErr)
}

// timestamp returns the present time as it is stored.
func timestamp() string { return time.Now().UTC().Format(time.RFC3339) }
