package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
)

// The outcomes of a login that the client is to be told.
var (
	// ErrInvalid says that there is no such user of that kind, or that the password is wrong: never which.
	ErrInvalid = errors.New("invalid credentials")
	// ErrBusy says that the attempt was not looked at and may be made again later.
	ErrBusy = errors.New("busy, try again")
)

// Users is where users are stored.
type Users interface {
	// UserByName returns the user of that name in whatever case, or [ErrNoUser].
	UserByName(ctx context.Context, name string) (User, error)
	// WaitUsers waits until the users may differ from revision since and returns all of them as of a newer one.
	// 0 is older than any revision.
	WaitUsers(ctx context.Context, since int64) (users []User, revision int64, err error)
	// Rehash replaces the hash of a password that has not changed, if the user still has that version.
	Rehash(ctx context.Context, id, version int64, hash string) error
}

// Config is what an [Auth] is made of.
type Config struct {
	Users Users
	Log   *slog.Logger // nil: nothing is logged
	Cost  Cost         // of hashes; the zero Cost: DefaultCost
}

// Auth logs clients in and tells when what they proved is no longer true. Its methods may be called from any goroutine.
type Auth struct {
	users    Users
	log      *slog.Logger
	cost     Cost
	dummy    hash // verified for users who don't exist
	throttle *throttle
	slots    *slots
	verified *verified

	mu      sync.Mutex
	watches map[*watch]struct{} // guarded by mu
}

// New returns an Auth. Sessions are told of revocations while [Auth.Run] runs.
func New(cfg Config) (*Auth, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Cost == (Cost{}) {
		cfg.Cost = DefaultCost()
	}
	text, err := HashPassword("", cfg.Cost)
	if err != nil {
		return nil, err
	}
	dummy, err := parseHash(text)
	if err != nil {
		return nil, err
	}
	verified, err := newVerified()
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return &Auth{
		users: cfg.Users, log: cfg.Log, cost: cfg.Cost,
		dummy: dummy, throttle: newThrottle(), slots: newSlots(), verified: verified,
		watches: map[*watch]struct{}{},
	}, nil
}

// Login returns who the client at remote is. It takes the longer the more guesses there have been from that address or
// for that name; the caller bounds it with ctx. The error is [ErrInvalid], [ErrBusy] or something that is no business of
// the client's. Nothing in the answer, nor in the work for it, tells a wrong name from a wrong password.
func (a *Auth) Login(ctx context.Context, kind Kind, name, password string, remote netip.Addr) (Identity, error) {
	attempt, err := a.throttle.admit(ctx, remote, name)
	if err != nil {
		return Identity{}, fmt.Errorf("login: %w", err)
	}
	user, ok, err := a.check(ctx, attempt, kind, name, password)
	switch {
	case err != nil:
		attempt.abandoned()
		return Identity{}, fmt.Errorf("login: %w", err)
	case !ok:
		attempt.failed()
		return Identity{}, ErrInvalid
	}
	attempt.succeeded()
	return user.Identity(), nil
}

// check reports whether password is the user's.
func (a *Auth) check(ctx context.Context, attempt *attempt, kind Kind, name, password string) (User, bool, error) {
	user, err := a.users.UserByName(ctx, name)
	if err != nil && !errors.Is(err, ErrNoUser) {
		return User{}, false, err
	}
	if user.Kind != kind || len(password) > maxPassword {
		user = User{}
	}
	if a.verified.has(user, password) {
		return user, true, nil
	}
	if err := a.acquire(ctx, attempt); err != nil {
		return User{}, false, err
	}
	defer a.slots.release()
	return a.verify(ctx, user, password)
}

// acquire takes a slot for hashing. A flood from one address that came in before its first failures may by now wait in
// front of everybody; it is sent to take turns.
func (a *Auth) acquire(ctx context.Context, attempt *attempt) error {
	for {
		if err := a.slots.acquire(ctx); err != nil {
			return err
		}
		if !attempt.outrun() {
			return nil
		}
		a.slots.release()
		if err := attempt.wait(ctx); err != nil {
			return err
		}
	}
}

// verify does the work of a guess, for the zero User too.
func (a *Auth) verify(ctx context.Context, user User, password string) (User, bool, error) {
	if user.ID == 0 {
		a.dummy.matches(password)
		return User{}, false, nil
	}
	stored, err := parseHash(user.PasswordHash)
	if err != nil {
		return User{}, false, fmt.Errorf("password of %s: %w", user.Name, err)
	}
	if !stored.matches(password) {
		return User{}, false, nil
	}
	a.verified.add(user, password)
	if stored.cost != a.cost {
		a.rehash(ctx, user, password)
	}
	return user, true, nil
}

// rehash stores the password at the present cost. The login doesn't depend on it.
func (a *Auth) rehash(ctx context.Context, user User, password string) {
	text, err := HashPassword(password, a.cost)
	if err == nil {
		err = a.users.Rehash(ctx, user.ID, user.Version, text)
	}
	if err != nil {
		a.log.WarnContext(ctx, "password not hashed anew", "user", user.Name, "err", err)
	}
}
