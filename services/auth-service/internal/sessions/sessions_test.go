package sessions_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
	"tkdeploy.dev/tiktok/auth-service/internal/sessions"
	"tkdeploy.dev/tiktok/internal/redisdb"
)

func open(t *testing.T) (sessions.Store, *miniredis.Miniredis, string) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redisdb.Open(server.Addr(), "test", slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = client.Close() })
	store := sessions.Store{Redis: client, TTL: time.Hour}
	token, err := store.Open(t.Context(), "u1")
	if err != nil {
		t.Fatal(err)
	}
	return store, server, token
}

func TestStore_Rotate(t *testing.T) {
	t.Parallel()
	t.Run("returns the next token", func(t *testing.T) {
		t.Parallel()
		store, _, token := open(t)
		for range 3 {
			user, next, err := store.Rotate(t.Context(), token)
			if err != nil || user != "u1" || next == token {
				t.Fatalf("got user %q, same token %t, error %v, want u1 with a new token", user, next == token, err)
			}
			token = next
		}
	})

	t.Run("ends the session of a reused token", func(t *testing.T) {
		t.Parallel()
		store, _, stolen := open(t)
		_, next, err := store.Rotate(t.Context(), stolen)
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range []struct{ name, token string }{{"the used token", stolen}, {"the next token", next}} {
			if _, _, err := store.Rotate(t.Context(), use.token); !errors.Is(err, accounts.ErrDenied) {
				t.Errorf("%s: got %v, want %v", use.name, err, accounts.ErrDenied)
			}
		}
	})

	t.Run("accepts one of several concurrent uses", func(t *testing.T) {
		t.Parallel()
		store, _, token := open(t)
		var good atomic.Int32
		var uses sync.WaitGroup
		for range 8 {
			uses.Go(func() {
				if _, _, err := store.Rotate(t.Context(), token); err == nil {
					good.Add(1)
				}
			})
		}
		uses.Wait()
		if good.Load() != 1 {
			t.Errorf("got %d successful uses, want 1", good.Load())
		}
	})

	t.Run("denies invalid and expired tokens", func(t *testing.T) {
		t.Parallel()
		store, server, token := open(t)
		for _, made := range []string{"", "x", "x.y", strings.ToLower(token)} {
			if _, _, err := store.Rotate(t.Context(), made); !errors.Is(err, accounts.ErrDenied) {
				t.Errorf("%q: got %v, want %v", made, err, accounts.ErrDenied)
			}
		}
		server.FastForward(time.Hour)
		if _, _, err := store.Rotate(t.Context(), token); !errors.Is(err, accounts.ErrDenied) {
			t.Errorf("expired token: got %v, want %v", err, accounts.ErrDenied)
		}
	})

	t.Run("returns an error without Redis", func(t *testing.T) {
		t.Parallel()
		store, server, token := open(t)
		server.Close()
		if _, _, err := store.Rotate(t.Context(), token); errors.Is(err, accounts.ErrDenied) || !redisdb.Unreachable(err) {
			t.Errorf("got %v, want an unreachable error", err)
		}
	})
}

func TestStore_Open(t *testing.T) {
	t.Parallel()
	t.Run("stores no usable token", func(t *testing.T) {
		t.Parallel()
		_, server, token := open(t)
		_, secret, _ := strings.Cut(token, ".")
		if dump := server.Dump(); strings.Contains(dump, secret) {
			t.Errorf("Redis contains the secret:\n%s", dump)
		}
	})
}

func TestStore_EndAll(t *testing.T) {
	t.Parallel()
	t.Run("ends current and later sessions", func(t *testing.T) {
		t.Parallel()
		store, _, token := open(t)
		other, err := store.Open(t.Context(), "u2")
		if err != nil {
			t.Fatal(err)
		}
		if err := store.EndAll(t.Context(), "u1"); err != nil {
			t.Fatal(err)
		}
		later, err := store.Open(t.Context(), "u1") // by a login that started before
		if err != nil {
			t.Fatal(err)
		}
		for name, token := range map[string]string{"current session": token, "later session": later} {
			if _, _, err := store.Rotate(t.Context(), token); !errors.Is(err, accounts.ErrDenied) {
				t.Errorf("%s: got %v, want %v", name, err, accounts.ErrDenied)
			}
		}
		if _, _, err := store.Rotate(t.Context(), other); err != nil {
			t.Errorf("session of another user: got %v, want nil", err)
		}
	})
}
