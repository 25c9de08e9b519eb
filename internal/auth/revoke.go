package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// retryInterval is how soon users are read again after that has failed.
const retryInterval = time.Second

// watch is one session that wants to be told.
type watch struct {
	identity Identity
	revoked  func()
}

// OnRevoked arranges for f to be called once, when id is no longer true: its user is removed, has another password or is
// another extension. f must not block; it may be called before OnRevoked returns. stop ends the arrangement, but doesn't
// wait for a call under way.
//
// The user may have changed between the login and this call too, therefore it looks.
func (a *Auth) OnRevoked(ctx context.Context, id Identity, f func()) (stop func(), err error) {
	w := &watch{id, f}
	a.mu.Lock()
	a.watches[w] = struct{}{}
	a.mu.Unlock()
	if err := a.confirm(ctx, w); err != nil {
		a.unwatch(w)
		return nil, err
	}
	return func() { a.unwatch(w) }, nil
}

// unwatch reports whether the watch was still on; who gets true is the one to tell it.
func (a *Auth) unwatch(w *watch) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, on := a.watches[w]
	delete(a.watches, w)
	return on
}

// confirm reads the watch's user and tells the session if it is revoked.
func (a *Auth) confirm(ctx context.Context, w *watch) error {
	user, err := a.users.UserByName(ctx, w.identity.Name)
	if err != nil && !errors.Is(err, ErrNoUser) {
		return fmt.Errorf("look whether %s is still valid: %w", w.identity.Name, err)
	}
	if user.Identity() != w.identity && a.unwatch(w) {
		w.revoked()
	}
	return nil
}

// Run follows the changes of users, whoever makes them, until ctx ends.
func (a *Auth) Run(ctx context.Context) error {
	var revision int64
	for ctx.Err() == nil {
		users, newer, err := a.users.WaitUsers(ctx, revision)
		if err == nil {
			err = a.review(ctx, users)
		}
		switch {
		case err == nil:
			revision = newer
		case ctx.Err() == nil:
			a.log.ErrorContext(ctx, "changed users not taken up, trying again", "err", err)
			select {
			case <-time.After(retryInterval):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// review tells the sessions that are revoked. A session's user may be newer than the list, so each one that seems revoked
// is looked at again.
func (a *Auth) review(ctx context.Context, users []User) error {
	current := make(map[int64]Identity, len(users))
	for _, u := range users {
		current[u.ID] = u.Identity()
	}
	a.verified.prune(current)
	a.mu.Lock()
	watches := maps.Clone(a.watches)
	a.mu.Unlock()
	var errs []error
	for w := range watches {
		if current[w.identity.UserID] != w.identity {
			errs = append(errs, a.confirm(ctx, w))
		}
	}
	return errors.Join(errs...)
}
