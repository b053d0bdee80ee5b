// Package postgres opens the database and migrates schemas.
//
// The services share a database, but each uses only its own schema.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"tkdeploy.dev/tiktok/internal/config"
)

// Config locates the database.
type Config struct {
	Host, Port, Name, User, Password string
}

// FromEnv reads DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD.
func FromEnv(env *config.Env) Config {
	return Config{
		Host:     env.String("DB_HOST"),
		Port:     env.String("DB_PORT"),
		Name:     env.String("DB_NAME"),
		User:     env.String("DB_USER"),
		Password: env.String("DB_PASSWORD"),
	}
}

// Open returns a pool that connects on first use, to the address of the host
// that accepts writes. service names the connections in pg_stat_activity.
func Open(ctx context.Context, c Config, service string) (*pgxpool.Pool, error) {
	dsn := url.URL{
		Scheme: "postgres",
		User:   url.UserPassword(c.User, c.Password),
		Host:   net.JoinHostPort(c.Host, c.Port),
		Path:   c.Name,
		RawQuery: url.Values{
			"application_name":     {service},
			"connect_timeout":      {"3"},
			"target_session_attrs": {"read-write"},
		}.Encode(),
	}
	pool, err := pgxpool.New(ctx, dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open database %s on %s: %w", c.Name, c.Host, err)
	}
	return pool, nil
}

// Unreachable reports whether err is temporary and a retry may succeed.
func Unreachable(err error) bool {
	var connect *pgconn.ConnectError
	var server *pgconn.PgError
	var network net.Error
	if errors.As(err, &server) {
		// Classes 08, 53 and 57: connection, resources, operator intervention.
		return server.Code[:2] == "08" || server.Code[:2] == "53" || server.Code[:2] == "57"
	}
	return errors.As(err, &connect) || errors.As(err, &network)
}
