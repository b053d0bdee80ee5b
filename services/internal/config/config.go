// Package config reads configuration from the environment.
//
// A service reads all variables before it calls [Env.Err], which returns every
// problem.
//
// Variables must not end in _SERVICE_HOST or _SERVICE_PORT: Kubernetes sets such
// variables for each Service, as in AUTH_SERVICE_PORT=tcp://10.0.0.1:5001.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Env reads variables and collects their problems.
type Env struct {
	lookup   func(string) (string, bool)
	problems []error
}

// New returns an Env for lookup, usually [os.LookupEnv]. An empty variable
// counts as not set.
func New(lookup func(string) (string, bool)) *Env {
	return &Env{lookup: lookup}
}

// Err returns all problems, each with its variable's name, or nil.
func (e *Env) Err() error {
	return errors.Join(e.problems...)
}

// String returns a required variable.
func (e *Env) String(name string) string {
	value, ok := e.lookup(name)
	if !ok || value == "" {
		e.problems = append(e.problems, fmt.Errorf("%s is not set", name))
	}
	return value
}

// Secret returns a required value of at least size bytes. Errors never show it.
func (e *Env) Secret(name string, size int) []byte {
	value := e.String(name)
	if value != "" && len(value) < size {
		e.problems = append(e.problems, fmt.Errorf("%s has %d bytes, want at least %d", name, len(value), size))
	}
	return []byte(value)
}

// Address returns a required host:port.
func (e *Env) Address(name string) string {
	e.String(name)
	return e.OptionalAddress(name)
}

// OptionalAddress returns a host:port or "".
func (e *Env) OptionalAddress(name string) string {
	return parse(e, name, "", "host:port", func(s string) (string, bool) { return s, isAddress(s) })
}

// Addresses returns a required, comma-separated list of host:port.
func (e *Env) Addresses(name string) []string {
	e.String(name)
	return parse(e, name, nil, "a comma-separated list of host:port", func(s string) ([]string, bool) {
		addresses := strings.Split(s, ",")
		for i, address := range addresses {
			addresses[i] = strings.TrimSpace(address)
		}
		return addresses, !slices.ContainsFunc(addresses, func(address string) bool { return !isAddress(address) })
	})
}

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	return err == nil && host != "" && port != ""
}

// Port returns a TCP port from 1 to 65535.
func (e *Env) Port(name string, fallback int) int {
	return parse(e, name, fallback, "a port from 1 to 65535", func(s string) (int, bool) {
		port, err := strconv.Atoi(s)
		return port, err == nil && port >= 1 && port <= 65535
	})
}

// Count returns a whole number above 0.
func (e *Env) Count(name string, fallback int) int {
	return parse(e, name, fallback, "a whole number above 0", func(s string) (int, bool) {
		count, err := strconv.Atoi(s)
		return count, err == nil && count > 0
	})
}

// Duration returns a duration of 0 or more, such as "3s".
func (e *Env) Duration(name string, fallback time.Duration) time.Duration {
	return parse(e, name, fallback, `a duration such as "3s"`, func(s string) (time.Duration, bool) {
		d, err := time.ParseDuration(s)
		return d, err == nil && d >= 0
	})
}

// LogLevel returns debug, info (the default), warn or error.
func (e *Env) LogLevel(name string) slog.Level {
	return parse(e, name, slog.LevelInfo, "debug, info, warn or error", func(s string) (level slog.Level, ok bool) {
		err := level.UnmarshalText([]byte(s))
		return level, err == nil
	})
}

// Networks returns CIDR prefixes from a comma-separated list.
func (e *Env) Networks(name string) []netip.Prefix {
	return parse(e, name, nil, `networks such as "10.0.0.0/8,fd00::/8"`, func(s string) ([]netip.Prefix, bool) {
		var networks []netip.Prefix
		for field := range strings.SplitSeq(s, ",") {
			network, err := netip.ParsePrefix(strings.TrimSpace(field))
			if err != nil {
				return nil, false
			}
			networks = append(networks, network)
		}
		return networks, true
	})
}

func parse[T any](e *Env, name string, fallback T, want string, convert func(string) (T, bool)) T {
	text, ok := e.lookup(name)
	if !ok || text == "" {
		return fallback
	}
	value, ok := convert(text)
	if !ok {
		e.problems = append(e.problems, fmt.Errorf("%s is %q, want %s", name, text, want))
		return fallback
	}
	return value
}
