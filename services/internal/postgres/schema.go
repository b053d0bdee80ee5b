package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Schema is a service's schema. The *.sql files in Migrations create it, in the
// order of their names.
//
// Old and new pods run in parallel during a rolling update, so a migration must
// keep the schema usable for the previous version. All pending migrations run in
// one transaction, which rules out statements such as CREATE INDEX CONCURRENTLY.
type Schema struct {
	Pool       *pgxpool.Pool
	Name       string
	Migrations fs.FS
	Retry      time.Duration // between attempts of Run
	Log        *slog.Logger

	applied atomic.Bool
}

// Run applies the migrations, and retries until that succeeds or ctx is done.
func (s *Schema) Run(ctx context.Context) {
	last := ""
	for {
		err := s.Apply(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != last {
			s.Log.WarnContext(ctx, "migrations not applied, trying again", "schema", s.Name, "error", err)
			last = text
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.Retry):
		}
	}
}

// Check is a readiness probe. The database must respond with all migrations
// applied.
func (s *Schema) Check(ctx context.Context) error {
	if err := s.Pool.Ping(ctx); err != nil {
		return err
	}
	if !s.applied.Load() {
		return fmt.Errorf("migrations of schema %s not applied yet", s.Name)
	}
	return nil
}

// Apply applies the pending migrations. Concurrent pods take turns through an
// advisory lock, which ends with the transaction even if its pod dies.
func (s *Schema) Apply(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "migrations of "+s.Name); err != nil {
			return err
		}
		done, err := s.done(ctx, tx)
		if err != nil {
			return err
		}
		return s.applyMissing(ctx, tx, done)
	})
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", s.Name, err)
	}
	s.applied.Store(true)
	return nil
}

// done creates the schema and its migrations table, and returns the applied
// ones.
func (s *Schema) done(ctx context.Context, tx pgx.Tx) (map[string]bool, error) {
	name := pgx.Identifier{s.Name}.Sanitize()
	if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+name+`; CREATE TABLE IF NOT EXISTS `+name+`.migrations (
		name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT name FROM `+name+`.migrations`)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	done := map[string]bool{}
	for _, name := range names {
		done[name] = true
	}
	return done, err
}

func (s *Schema) applyMissing(ctx context.Context, tx pgx.Tx, done map[string]bool) error {
	files, err := fs.Glob(s.Migrations, "*.sql") // sorted by name
	if err != nil {
		return err
	}
	record := `INSERT INTO ` + pgx.Identifier{s.Name, "migrations"}.Sanitize() + ` (name) VALUES ($1)`
	for _, file := range files {
		if done[file] {
			continue
		}
		sql, err := fs.ReadFile(s.Migrations, file)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(sql)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if _, err := tx.Exec(ctx, record, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		s.Log.InfoContext(ctx, "migration applied", "schema", s.Name, "migration", file)
	}
	return nil
}
