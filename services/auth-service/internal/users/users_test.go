package users_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
	"tkdeploy.dev/tiktok/auth-service/internal/users"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/test/pgtest"
)

func open(t *testing.T) (users.Store, *pgtest.Server) {
	t.Helper()
	server := pgtest.New(t)
	server.Start(t)
	pool, err := postgres.Open(t.Context(), server.Config, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	schema := &postgres.Schema{Pool: pool, Name: users.Schema, Migrations: users.Migrations(), Log: slog.New(slog.DiscardHandler)}
	if err := schema.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return users.Store{Pool: pool}, server
}

func TestStore(t *testing.T) {
	t.Parallel()
	store, server := open(t)
	alice, err := store.Create(t.Context(), "alice", "alice@example.com", "hash")
	if err != nil {
		t.Fatal(err)
	}
	if alice.Username != "alice" || alice.Email != "alice@example.com" || time.Since(alice.CreatedAt) > time.Minute {
		t.Errorf("Create: got %+v, want alice created now", alice)
	}
	if got, hash, err := store.ByEmail(t.Context(), "alice@example.com"); got != alice || hash != "hash" || err != nil {
		t.Errorf("ByEmail: got %+v, %q, %v, want %+v", got, hash, err, alice)
	}
	if got, err := store.ByID(t.Context(), alice.ID); got != alice || err != nil {
		t.Errorf("ByID: got %+v, %v, want %+v", got, err, alice)
	}

	for field, duplicate := range map[string][2]string{"username": {"alice", "other@example.com"}, "email": {"other", "alice@example.com"}} {
		var taken *accounts.TakenError
		if _, err := store.Create(t.Context(), duplicate[0], duplicate[1], "hash"); !errors.As(err, &taken) || taken.Field != field {
			t.Errorf("duplicate %s: got %v, want a TakenError", field, err)
		}
	}

	if _, hash, err := store.ByEmail(t.Context(), "nobody@example.com"); !errors.Is(err, accounts.ErrNotFound) || hash != "" {
		t.Errorf("unknown email: got %q, %v, want %v", hash, err, accounts.ErrNotFound)
	}
	for _, id := range []string{"", "x", "00000000-0000-0000-0000-000000000000"} {
		if _, err := store.ByID(t.Context(), id); !errors.Is(err, accounts.ErrNotFound) {
			t.Errorf("ByID %q: got %v, want %v", id, err, accounts.ErrNotFound)
		}
	}

	names, err := store.Names(t.Context(), []string{alice.ID, "x", "00000000-0000-0000-0000-000000000000"})
	if err != nil || len(names) != 1 || names[alice.ID] != "alice" {
		t.Errorf("Names: got %v, %v, want only alice", names, err)
	}
	bob, err := store.Create(t.Context(), "bob", "bob@example.com", "hash")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{bob.ID, bob.ID, "x"} {
		if err := store.Delete(t.Context(), id); err != nil {
			t.Errorf("Delete %q: got %v, want nil", id, err)
		}
	}
	if _, err := store.ByID(t.Context(), bob.ID); !errors.Is(err, accounts.ErrNotFound) {
		t.Errorf("after Delete: got %v, want %v", err, accounts.ErrNotFound)
	}

	// The pool reconnects after a restart of the database.
	server.Stop(t)
	if _, err := store.ByID(t.Context(), alice.ID); !postgres.Unreachable(err) {
		t.Errorf("without the database: got %v, want an unreachable error", err)
	}
	server.Start(t)
	if got, err := store.ByID(t.Context(), alice.ID); got != alice || err != nil {
		t.Errorf("after a restart: got %+v, %v, want %+v", got, err, alice)
	}
}
