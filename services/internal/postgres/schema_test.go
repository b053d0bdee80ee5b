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

	t.Run("pods that start at once apply each migration once", func(t *testing.T) {
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
			t.Errorf("%d rows, %d recorded migrations", rows, records)
		}
	})

	t.Run("a later version applies only what is new", func(t *testing.T) {
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
			t.Error(got)
		}
		// The version before still starts, as after a rollback.
		delete(files, "0002_b.sql")
		if err := schema(pool, "later", files).Apply(t.Context()); err != nil {
			t.Error(err)
		}
	})

	t.Run("a migration that fails names its file and leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		pool := open(t, server)
		broken := schema(pool, "broken", map[string]string{"0001_a.sql": `CREATE TABLE broken.a (n int)`, "0002_b.sql": `CREATE TABEL b`})
		if err := broken.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "0002_b.sql") {
			t.Errorf("got %v", err)
		}
		if got := count(t, pool, `SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'broken'`); got != 0 {
			t.Error("the schema is there")
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
			t.Errorf("without a database: %v", err)
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
