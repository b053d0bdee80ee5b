package accounts_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
)

// fakes implements all dependencies with one user and trivial hashes.
type fakes struct {
	accounts.Users
	user     accounts.User
	hash     string
	compared int
	opened   []string
	ended    []string
	broken   error
}

func (w *fakes) Create(_ context.Context, username, email, hash string) (accounts.User, error) {
	if email == w.user.Email {
		return accounts.User{}, &accounts.TakenError{Field: "email"}
	}
	w.user, w.hash = accounts.User{ID: "u1", Username: username, Email: email}, hash
	return w.user, w.broken
}

func (w *fakes) ByEmail(_ context.Context, email string) (accounts.User, string, error) {
	if w.broken != nil {
		return accounts.User{}, "", w.broken
	}
	if email != w.user.Email {
		return accounts.User{}, "", accounts.ErrNotFound
	}
	return w.user, w.hash, nil
}

func (w *fakes) Hash(_ context.Context, password string) (string, error) { return "#" + password, nil }

func (w *fakes) Matches(_ context.Context, hash, password string) (bool, error) {
	w.compared++
	return hash == "#"+password, nil
}

func (w *fakes) Open(_ context.Context, userID string) (string, error) {
	w.opened = append(w.opened, userID)
	return "r1", nil
}

func (w *fakes) Rotate(_ context.Context, refresh string) (string, string, error) {
	if refresh != "r1" {
		return "", "", accounts.ErrDenied
	}
	return "u1", "r2", nil
}

func (w *fakes) EndAll(_ context.Context, userID string) error {
	w.ended = append(w.ended, userID)
	return w.broken
}

func (w *fakes) Delete(_ context.Context, id string) error {
	if id == w.user.ID {
		w.user = accounts.User{}
	}
	return nil
}

func (w *fakes) Sign(userID string) (string, error) { return "jwt of " + userID, nil }

func newService() (*accounts.Service, *fakes) {
	w := &fakes{}
	return &accounts.Service{Users: w, Sessions: w, Passwords: w, Signer: w, AccessTTL: time.Minute}, w
}

func TestService_Register(t *testing.T) {
	t.Parallel()
	t.Run("stores a hash and normalized names", func(t *testing.T) {
		t.Parallel()
		s, w := newService()
		user, err := s.Register(t.Context(), accounts.Registration{Username: " Alice ", Email: "Alice@Example.com", Password: "correct horse"})
		if err != nil || user.Username != "alice" || user.Email != "alice@example.com" || w.hash != "#correct horse" {
			t.Errorf("got user %+v, hash %q, error %v, want alice with hash #correct horse", user, w.hash, err)
		}
	})

	t.Run("rejects invalid fields", func(t *testing.T) {
		t.Parallel()
		good := accounts.Registration{Username: "alice", Email: "alice@example.com", Password: "correct horse"}
		tests := []struct {
			name   string
			change func(*accounts.Registration)
			fields string
		}{
			{"all empty", func(r *accounts.Registration) { *r = accounts.Registration{} }, "username email password"},
			{"username with a space", func(r *accounts.Registration) { r.Username = "al ice" }, "username"},
			{"long username", func(r *accounts.Registration) { r.Username = strings.Repeat("a", 31) }, "username"},
			{"email with a name", func(r *accounts.Registration) { r.Email = "Alice <alice@example.com>" }, "email"},
			{"password of 7 characters", func(r *accounts.Registration) { r.Password = "äöüäöüä" }, "password"},
			{"long password", func(r *accounts.Registration) { r.Password = strings.Repeat("a", 129) }, "password"},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				s, w := newService()
				r := good
				test.change(&r)
				_, err := s.Register(t.Context(), r)
				var invalid *accounts.InvalidError
				if !errors.As(err, &invalid) {
					t.Fatalf("got %v, want an InvalidError", err)
				}
				var fields []string
				for _, f := range invalid.Fields {
					fields = append(fields, f.Field)
				}
				if got := strings.Join(fields, " "); got != test.fields {
					t.Errorf("got fields %s, want %s", got, test.fields)
				}
				if w.user.ID != "" {
					t.Error("an invalid user was stored")
				}
			})
		}
	})
}

func TestService_Login(t *testing.T) {
	t.Parallel()
	t.Run("checks the credentials", func(t *testing.T) {
		t.Parallel()
		tests := []struct {
			name, email, password string
			want                  error
		}{
			{"right password", "ALICE@example.com ", "correct horse", nil},
			{"wrong password", "alice@example.com", "battery staple", accounts.ErrDenied},
			{"unknown email", "bob@example.com", "correct horse", accounts.ErrDenied},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				s, w := newService()
				w.user, w.hash = accounts.User{ID: "u1", Email: "alice@example.com"}, "#correct horse"
				tokens, err := s.Login(t.Context(), test.email, test.password)
				if !errors.Is(err, test.want) {
					t.Fatalf("got %v, want %v", err, test.want)
				}
				if w.compared != 1 {
					t.Errorf("got %d password comparisons, want 1 to hide whether the email is known", w.compared)
				}
				want := accounts.Tokens{Access: "jwt of u1", ExpiresIn: time.Minute, Refresh: "r1"}
				if test.want == nil && tokens != want {
					t.Errorf("got %+v, want %+v", tokens, want)
				}
				if (len(w.opened) == 1) != (test.want == nil) {
					t.Errorf("got sessions for %q, want one only after success", w.opened)
				}
			})
		}
	})

	t.Run("returns store errors", func(t *testing.T) {
		t.Parallel()
		s, w := newService()
		w.broken = errors.New("connection refused")
		if _, err := s.Login(t.Context(), "alice@example.com", "x"); !errors.Is(err, w.broken) {
			t.Errorf("got %v, want %v", err, w.broken)
		}
	})
}

func TestService_Refresh(t *testing.T) {
	t.Parallel()
	t.Run("returns new tokens", func(t *testing.T) {
		t.Parallel()
		s, _ := newService()
		want := accounts.Tokens{Access: "jwt of u1", ExpiresIn: time.Minute, Refresh: "r2"}
		if tokens, err := s.Refresh(t.Context(), "r1"); tokens != want || err != nil {
			t.Errorf("got %+v, %v, want %+v", tokens, err, want)
		}
		if _, err := s.Refresh(t.Context(), "other"); !errors.Is(err, accounts.ErrDenied) {
			t.Errorf("got %v, want %v", err, accounts.ErrDenied)
		}
	})
}

func TestService_Delete(t *testing.T) {
	t.Parallel()
	t.Run("ends the sessions first", func(t *testing.T) {
		t.Parallel()
		s, w := newService()
		w.user = accounts.User{ID: "u1"}
		w.broken = errors.New("away")
		if err := s.Delete(t.Context(), "u1"); !errors.Is(err, w.broken) || w.user.ID == "" {
			t.Errorf("got %v, user %+v, want %v and the user", err, w.user, w.broken)
		}
		w.broken = nil
		for range 2 {
			if err := s.Delete(t.Context(), "u1"); err != nil || w.user.ID != "" {
				t.Errorf("got %v, user %+v, want no error and no user", err, w.user)
			}
		}
	})
}
