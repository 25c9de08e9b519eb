package store

import (
	"context"
	"fmt"
	"time"

	"github.com/clavija/clavija/internal/auth"
)

// pollInterval is how often the revision is read: how long it takes at most for a change to be seen. A look costs some twenty
// microseconds.
const pollInterval = 200 * time.Millisecond

// WaitUsers waits until the users may differ from revision since, whichever process changed them, and returns all of them
// as of the revision returned or a newer one. 0 is older than any revision. A hash made anew is no difference.
func (s *Store) WaitUsers(ctx context.Context, since int64) ([]auth.User, int64, error) {
	for {
		revision, err := s.usersRevision(ctx)
		if err != nil {
			return nil, 0, err
		}
		if revision != since {
			users, err := s.Users(ctx) // after the revision: what comes in between is seen once more
			return users, revision, err
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

func (s *Store) usersRevision(ctx context.Context) (revision int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT value FROM revisions WHERE name = 'users'`).Scan(&revision)
	if err != nil {
		return 0, fmt.Errorf("read revision of users: %w", err)
	}
	return revision, nil
}
