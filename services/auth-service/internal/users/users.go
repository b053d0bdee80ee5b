// Package users stores accounts in PostgreSQL.
package users

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
	"tkdeploy.dev/tiktok/internal/refusal"
)

// Schema is the database schema.
const Schema = "auth"

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the schema's migrations.
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the directory is embedded
	}
	return files
}

// Store implements [accounts.Users].
type Store struct{ Pool *pgxpool.Pool }

var _ accounts.Users = Store{}

const columns = `id::text, username, email, created_at`

// Create implements [accounts.Users].
func (s Store) Create(ctx context.Context, username, email, hash string) (accounts.User, error) {
	const insert = `INSERT INTO auth.users (username, email, password_hash) VALUES ($1, $2, $3) RETURNING ` + columns
	var u accounts.User
	err := s.Pool.QueryRow(ctx, insert, username, email, hash).Scan(&u.ID, &u.Username, &u.Email, &u.CreatedAt)
	if field := taken(err); field != "" {
		return accounts.User{}, &accounts.TakenError{Field: field}
	}
	if err != nil {
		return accounts.User{}, fmt.Errorf("create user: %w", err)
	}
	return u, nil
}

// ByEmail implements [accounts.Users].
func (s Store) ByEmail(ctx context.Context, email string) (accounts.User, string, error) {
	const query = `SELECT ` + columns + `, password_hash FROM auth.users WHERE email = $1`
	var u accounts.User
	var hash string
	err := s.Pool.QueryRow(ctx, query, email).Scan(&u.ID, &u.Username, &u.Email, &u.CreatedAt, &hash)
	return u, hash, found("find user by email", err)
}

// ByID implements [accounts.Users]. An id that is not a UUID is not found.
func (s Store) ByID(ctx context.Context, id string) (accounts.User, error) {
	const query = `SELECT ` + columns + ` FROM auth.users WHERE id = $1`
	var key pgtype.UUID
	if err := key.Scan(id); err != nil {
		return accounts.User{}, accounts.ErrNotFound
	}
	var u accounts.User
	err := s.Pool.QueryRow(ctx, query, key).Scan(&u.ID, &u.Username, &u.Email, &u.CreatedAt)
	return u, found("find user by id", err)
}

// Names implements [accounts.Users].
func (s Store) Names(ctx context.Context, ids []string) (map[string]string, error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !refusal.IsUUID(id) })
	rows, err := s.Pool.Query(ctx, `SELECT id::text, username FROM auth.users WHERE id = ANY($1::uuid[])`, ids)
	if err != nil {
		return nil, fmt.Errorf("find usernames: %w", err)
	}
	names := map[string]string{}
	var id, name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error { names[id] = name; return nil })
	if err != nil {
		return nil, fmt.Errorf("find usernames: %w", err)
	}
	return names, nil
}

// Delete implements [accounts.Users].
func (s Store) Delete(ctx context.Context, id string) error {
	if !refusal.IsUUID(id) {
		return nil // not a user's id
	}
	if _, err := s.Pool.Exec(ctx, `DELETE FROM auth.users WHERE id = $1`, id); err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	return nil
}

func found(doing string, err error) error {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return accounts.ErrNotFound
	case err != nil:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// taken returns the field of a unique violation, or "".
func taken(err error) string {
	const uniqueViolation = "23505"
	var failure *pgconn.PgError
	if !errors.As(err, &failure) || failure.Code != uniqueViolation {
		return ""
	}
	return map[string]string{"users_username": "username", "users_email": "email"}[failure.ConstraintName]
}
