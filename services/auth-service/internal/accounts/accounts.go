// Package accounts is what auth-service does: it registers users, checks their
// passwords and keeps their sessions. It knows nothing of gRPC, PostgreSQL or
// Redis.
package accounts

import (
	"context"
	"errors"
	"time"
)

// A User is an account as others may see it.
type User struct {
	ID        string
	Username  string
	Email     string
	CreatedAt time.Time
}

// Tokens let a client act for a user: the access token for ExpiresIn, the
// refresh token once, for new tokens.
type Tokens struct {
	Access    string
	ExpiresIn time.Duration
	Refresh   string
}

var (
	// ErrNotFound says that there is no user with this id or email.
	ErrNotFound = errors.New("no such user")
	// ErrDenied does not tell whether the email, the password or the token was wrong.
	ErrDenied = errors.New("wrong email or password, or a session that has ended")
)

// A TakenError says that another account has the same value in Field.
type TakenError struct{ Field string }

func (e *TakenError) Error() string { return "the " + e.Field + " is taken" }

// Users stores accounts.
type Users interface {
	// Create returns a [TakenError] if the username or the email is in use.
	Create(ctx context.Context, username, email, hash string) (User, error)
	// ByEmail also returns the password's hash; [ErrNotFound] if there is no such user.
	ByEmail(ctx context.Context, email string) (User, string, error)
	// ByID returns [ErrNotFound] if there is no such user.
	ByID(ctx context.Context, id string) (User, error)
	// Names maps the ids that somebody has to usernames.
	Names(ctx context.Context, ids []string) (map[string]string, error)
	// Delete is no error if there is no such user.
	Delete(ctx context.Context, id string) error
}

// Sessions keeps refresh tokens.
type Sessions interface {
	// Open starts a session and returns its first refresh token.
	Open(ctx context.Context, userID string) (refresh string, err error)
	// Rotate exchanges a refresh token for the next one, or returns [ErrDenied].
	Rotate(ctx context.Context, refresh string) (userID, next string, err error)
	// EndAll ends all sessions of a user, also those that are opened meanwhile:
	// the user is about to be deleted.
	EndAll(ctx context.Context, userID string) error
}

// Passwords hashes passwords; both methods cost time on purpose.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	// Matches answers false, after the usual time, if hash is empty.
	Matches(ctx context.Context, hash, password string) (bool, error)
}

// Signer makes access tokens.
type Signer interface {
	Sign(userID string) (string, error)
}

// A Service carries the parts that it works with.
type Service struct {
	Users     Users
	Sessions  Sessions
	Passwords Passwords
	Signer    Signer
	AccessTTL time.Duration // the life of the signer's tokens
}

// Register makes an account. The errors that are the caller's: an
// [InvalidError], a [TakenError].
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

// Login opens a session, or returns [ErrDenied]. An email that nobody has takes
// as long as a wrong password.
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

// User reads an account, or returns [ErrNotFound].
func (s *Service) User(ctx context.Context, id string) (User, error) {
	return s.Users.ByID(ctx, id)
}

// Usernames maps the ids that somebody has to usernames.
func (s *Service) Usernames(ctx context.Context, ids []string) (map[string]string, error) {
	return s.Users.Names(ctx, ids)
}

// Delete deletes an account, if it is there, and ends its sessions.
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
