// Package accounts registers users, checks passwords and manages sessions,
// independent of gRPC, PostgreSQL and Redis.
package accounts

import (
	"context"
	"errors"
	"time"
)

// User is an account without its password.
type User struct {
	ID        string
	Username  string
	Email     string
	CreatedAt time.Time
}

// Tokens authorize a client to act for a user. The refresh token can be used
// once.
type Tokens struct {
	Access    string
	ExpiresIn time.Duration
	Refresh   string
}

var (
	// ErrNotFound means that there is no such user.
	ErrNotFound = errors.New("no such user")
	// ErrDenied does not reveal whether the email, password or token was wrong.
	ErrDenied = errors.New("wrong email or password, or a session that has ended")
)

// TakenError means that another account has the same value in Field.
type TakenError struct{ Field string }

func (e *TakenError) Error() string { return "the " + e.Field + " is taken" }

// Users stores accounts.
type Users interface {
	// Create returns a [TakenError] if the username or email is in use.
	Create(ctx context.Context, username, email, hash string) (User, error)
	// ByEmail also returns the password hash, or [ErrNotFound].
	ByEmail(ctx context.Context, email string) (User, string, error)
	// ByID may return [ErrNotFound].
	ByID(ctx context.Context, id string) (User, error)
	// Names maps known ids to usernames.
	Names(ctx context.Context, ids []string) (map[string]string, error)
	// Delete ignores unknown ids.
	Delete(ctx context.Context, id string) error
}

// Sessions stores refresh tokens.
type Sessions interface {
	// Open starts a session and returns a refresh token.
	Open(ctx context.Context, userID string) (refresh string, err error)
	// Rotate exchanges a refresh token for the next one, or returns [ErrDenied].
	Rotate(ctx context.Context, refresh string) (userID, next string, err error)
	// EndAll ends all sessions of a user, including those opened later, because
	// the user is about to be deleted.
	EndAll(ctx context.Context, userID string) error
}

// Passwords hashes passwords. Both methods are deliberately slow.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	// Matches returns false, after the usual time, if hash is empty.
	Matches(ctx context.Context, hash, password string) (bool, error)
}

// Signer signs access tokens.
type Signer interface {
	Sign(userID string) (string, error)
}

// Service manages accounts and sessions.
type Service struct {
	Users     Users
	Sessions  Sessions
	Passwords Passwords
	Signer    Signer
	AccessTTL time.Duration // lifetime of the signer's tokens
}

// Register creates an account. It returns an [InvalidError] or [TakenError] for
// a bad request.
func (s *Service) Register(ctx context.Context, r Registration) (User, error) {
	r = r.normal()
	if err := r.validate(); err != nil {
		return User{}, err
	}
	hash, err := s.Passwords.Hash(ctx, r.Password)
	if err != nil {
		return User{}, err
	}
	return s.Users.Create(ctx, r.Username, r.Email, hash)
}

// Login opens a session, or returns [ErrDenied], which takes the same time for
// an unknown email.
func (s *Service) Login(ctx context.Context, email, password string) (Tokens, error) {
	user, hash, err := s.Users.ByEmail(ctx, normalEmail(email))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Tokens{}, err
	}
	ok, err := s.Passwords.Matches(ctx, hash, password)
	if err != nil {
		return Tokens{}, err
	}
	if !ok {
		return Tokens{}, ErrDenied
	}
	refresh, err := s.Sessions.Open(ctx, user.ID)
	if err != nil {
		return Tokens{}, err
	}
	return s.tokens(user.ID, refresh)
}

// Refresh exchanges a refresh token for new tokens, or returns [ErrDenied].
func (s *Service) Refresh(ctx context.Context, refresh string) (Tokens, error) {
	userID, next, err := s.Sessions.Rotate(ctx, refresh)
	if err != nil {
		return Tokens{}, err
	}
	return s.tokens(userID, next)
}

// User returns an account, or [ErrNotFound].
func (s *Service) User(ctx context.Context, id string) (User, error) {
	return s.Users.ByID(ctx, id)
}

// Usernames maps known ids to usernames.
func (s *Service) Usernames(ctx context.Context, ids []string) (map[string]string, error) {
	return s.Users.Names(ctx, ids)
}

// Delete ends a user's sessions and then deletes the account.
func (s *Service) Delete(ctx context.Context, id string) error {
	if err := s.Sessions.EndAll(ctx, id); err != nil {
		return err
	}
	return s.Users.Delete(ctx, id)
}

func (s *Service) tokens(userID, refresh string) (Tokens, error) {
	access, err := s.Signer.Sign(userID)
	return Tokens{Access: access, ExpiresIn: s.AccessTTL, Refresh: refresh}, err
}
