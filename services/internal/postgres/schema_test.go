package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/test/pgtest"
)

func open(t *testing.T, server *pgtest.Server) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), server.Config, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func schema(pool *pgxpool.Pool, name string, files map[string]string) *postgres.Schema {
	migrations := fstest.MapFS{}
	for file, sql := range files {
		migrations[file] = &fstest.MapFile{Data: []byte(sql)}
	}
	return &postgres.Schema{Pool: pool, Name: name, Migrations: migrations, Retry: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
}

func count(t *testing.T, pool *pgxpool.Pool, query string) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSchema_Apply(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	server.Start(t)

	t.Run("applies each migration once for concurrent pods", func(t *testing.T) {
		t.Parallel()
		var pods sync.WaitGroup
		failures := make([]error, 8)
		for i := range failures {
			pool := open(t, server)
			pods.Go(func() {
				failures[i] = schema(pool, "once", map[string]string{
					"0001_a.sql": `CREATE TABLE once.a (n int); INSERT INTO once.a VALUES (1);`,
					"0002_b.sql": `INSERT INTO once.a VALUES (2); SELECT pg_sleep(0.05);`,
				}).Apply(t.Context())
			})
		}
		pods.Wait()
		if err := errors.Join(failures...); err != nil {
			t.Fatal(err)
		}
		pool := open(t, server)
		if rows, records := count(t, pool, `SELECT count(*) FROM once.a`), count(t, pool, `SELECT count(*) FROM once.migrations`); rows != 2 || records != 2 {
			t.Errorf("got %d rows and %d recorded migrations, want 2 and 2", rows, records)
		}
	})

	t.Run("applies only new migrations", func(t *testing.T) {
		t.Parallel()
		pool := open(t, server)
		files := map[string]string{"0001_a.sql": `CREATE TABLE later.a (n int)`}
		if err := schema(pool, "later", files).Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		files["0002_b.sql"] = `ALTER TABLE later.a ADD COLUMN m int`
		if err := schema(pool, "later", files).Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := count(t, pool, `SELECT count(m) FROM later.a`); got != 0 {
			t.Errorf("got %d rows, want 0", got)
		}
		// The previous version still starts, as after a rollback.
		delete(files, "0002_b.sql")
		if err := schema(pool, "later", files).Apply(t.Context()); err != nil {
			t.Error(err)
		}
	})

	t.Run("names a failed migration and rolls back", func(t *testing.T) {
		t.Parallel()
		pool := open(t, server)
		broken := schema(pool, "broken", map[string]string{"0001_a.sql": `CREATE TABLE broken.a (n int)`, "0002_b.sql": `CREATE TABEL b`})
		if err := broken.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "0002_b.sql") {
			t.Errorf("got error %v, want one that names 0002_b.sql", err)
		}
		if got := count(t, pool, `SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'broken'`); got != 0 {
			t.Error("the schema was created")
		}
		if err := broken.Check(t.Context()); err == nil {
			t.Error("ready without its migrations")
		}
	})
}

func TestSchema_Run(t *testing.T) {
	t.Parallel()
	t.Run("waits for the database", func(t *testing.T) {
		t.Parallel()
		server := pgtest.New(t)
		pool := open(t, server)
		s := schema(pool, "patient", map[string]string{"0001_a.sql": `CREATE TABLE patient.a (n int)`})
		if err := s.Apply(t.Context()); !postgres.Unreachable(err) {
			t.Errorf("without a database: got %v, want an unreachable error", err)
		}
		done := make(chan struct{})
		go func() { s.Run(t.Context()); close(done) }()
		server.Start(t)
		<-done
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})

	t.Run("stops when ctx is done", func(t *testing.T) {
		t.Parallel()
		server := pgtest.New(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := schema(open(t, server), "never", nil)
		s.Run(ctx)
		if err := s.Check(t.Context()); err == nil {
			t.Error("ready without a database")
		}
	})
}
