package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/clavija/clavija/internal/auth"
	"github.com/clavija/clavija/internal/config"
	"github.com/clavija/clavija/internal/store"
)

// userCmd manages supervisors.
type userCmd struct {
	Add      userAddCmd      `cmd:"" help:"Add a supervisor."`
	List     userListCmd     `cmd:"" help:"List the supervisors."`
	Remove   userRemoveCmd   `cmd:"" help:"Remove a supervisor and end its sessions."`
	Password userPasswordCmd `cmd:"" help:"Give a supervisor another password and end its sessions."`
}

type userAddCmd struct {
	Name     string        `arg:"" help:"User name, unique in the server."`
	Account  string        `default:"default" help:"Account whose extensions the user sees."`
	Password passwordFlags `embed:""`
}

// Run is called for "clavija user add".
func (c *userAddCmd) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(cfg *config.Config, users *store.Store) error {
		if err := checkName(c.Name); err != nil {
			return err
		}
		if _, err := account(cfg, c.Account); err != nil {
			return err
		}
		u, done, err := c.Password.newPassword(ctx, a, auth.User{Name: c.Name, Kind: auth.Supervisor, Account: c.Account})
		if err != nil {
			return err
		}
		if _, err := users.AddUser(ctx, u); err != nil {
			return err
		}
		a.say("added supervisor %s to account %s in %s", u.Name, u.Account, users.Path())
		return done()
	})
}

type userListCmd struct{}

// Run is called for "clavija user list".
func (userListCmd) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(_ *config.Config, users *store.Store) error {
		return a.list(ctx, users, auth.Supervisor, "NAME\tACCOUNT\tADDED\tCHANGED", func(u auth.User) string {
			return u.Name + "\t" + u.Account
		})
	})
}

// list prints a table of the users of a kind, a row each, which begins as row says and goes on with the times.
func (a *app) list(ctx context.Context, users *store.Store, kind auth.Kind, head string, row func(auth.User) string) error {
	all, err := users.Users(ctx)
	if err != nil {
		return err
	}
	var rows strings.Builder
	rows.WriteString(head + "\n")
	for _, u := range all {
		if u.Kind == kind {
			fmt.Fprintf(&rows, "%s\t%s\t%s\n", row(u), u.CreatedAt.Format(time.RFC3339), u.UpdatedAt.Format(time.RFC3339))
		}
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	_, err = io.WriteString(table, rows.String())
	return errors.Join(err, table.Flush())
}

type userRemoveCmd struct {
	Name string `arg:"" help:"User name."`
}

// Run is called for "clavija user remove".
func (c *userRemoveCmd) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(_ *config.Config, users *store.Store) error {
		u, err := userOfKind(ctx, users, auth.Supervisor, c.Name)
		if err != nil {
			return err
		}
		if err := users.RemoveUser(ctx, u); err != nil {
			return err
		}
		a.say("removed supervisor %s of account %s", u.Name, u.Account)
		return nil
	})
}

type userPasswordCmd struct {
	Name     string        `arg:"" help:"User name."`
	Password passwordFlags `embed:""`
}

// Run is called for "clavija user password".
func (c *userPasswordCmd) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(_ *config.Config, users *store.Store) error {
		u, err := userOfKind(ctx, users, auth.Supervisor, c.Name)
		if err != nil {
			return err
		}
		return a.changePassword(ctx, users, u, c.Password)
	})
}

// changePassword gives a user another password.
func (a *app) changePassword(ctx context.Context, users *store.Store, u auth.User, flags passwordFlags) error {
	u, done, err := flags.newPassword(ctx, a, u)
	if err != nil {
		return err
	}
	if err := users.SetPassword(ctx, u, u.PasswordHash); err != nil {
		return err
	}
	a.say("changed the password of %s", u.Name)
	return done()
}

// userOfKind returns the user called name, if it is of that kind.
func userOfKind(ctx context.Context, users *store.Store, kind auth.Kind, name string) (auth.User, error) {
	u, err := users.UserByName(ctx, name)
	switch {
	case err != nil:
		return auth.User{}, fmt.Errorf("%s: %w", name, err)
	case u.Kind == kind:
		return u, nil
	case u.Kind == auth.Agent:
		return auth.User{}, fmt.Errorf("%s is no supervisor but the agent of extension %s: see clavija agent", u.Name, u.Extension)
	}
	return auth.User{}, fmt.Errorf("%s is no agent but a supervisor: see clavija user", u.Name)
}
