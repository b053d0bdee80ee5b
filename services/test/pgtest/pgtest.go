// Package pgtest runs a private PostgreSQL server with the installed binaries
// for a test.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tkdeploy.dev/tiktok/internal/postgres"
)

// Server is a server that can be restarted with its data.
type Server struct {
	Config postgres.Config

	bin, data  string
	credential *syscall.Credential
	process    *exec.Cmd
}

// New creates an empty database without starting the server. It skips the test
// if PostgreSQL is not installed.
func New(t *testing.T) *Server {
	t.Helper()
	bin, err := binaries()
	if err != nil {
		t.Skipf("PostgreSQL not installed (Debian: apt-get install postgresql): %v", err)
	}
	s := &Server{bin: bin, credential: unprivileged(t)}
	s.data = filepath.Join(s.tempDir(t), "data")
	s.Config = postgres.Config{Host: "127.0.0.1", Port: freePort(t), Name: "postgres", User: "tiktok", Password: "p@ss word/1"}
	s.initialize(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// binaries returns the directory of initdb and postgres. Debian installs them
// outside PATH.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("initdb not found in PATH or /usr/lib/postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged returns the server's credential. PostgreSQL refuses to run as
// root.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// tempDir returns a directory of the server's user, who cannot enter that of
// t.TempDir.
func (s *Server) tempDir(t *testing.T) string {
	t.Helper()
	path, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	if s.credential == nil {
		return path
	}
	if err := os.Chown(path, int(s.credential.Uid), int(s.credential.Gid)); err != nil {
		t.Fatal(err)
	}
	return path
}

// command ignores the test's context, which ends before the cleanup.
func (s *Server) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(s.bin, name), args...)
	cmd.Dir = filepath.Dir(s.data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	return cmd
}

func (s *Server) initialize(t *testing.T) {
	t.Helper()
	password := filepath.Join(filepath.Dir(s.data), "password")
	if err := os.WriteFile(password, []byte(s.Config.Password), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := s.command(t, "initdb", "--pgdata="+s.data, "--username="+s.Config.User, "--pwfile="+password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, output)
	}
}

// Start starts the server and waits until it accepts connections.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	s.process = s.command(t, "postgres", "-D", s.data, "-p", s.Config.Port, "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB")
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := s.ping(t)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for PostgreSQL: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Stop stops the server, if it is running.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	if s.process == nil {
		return
	}
	const fast = syscall.SIGINT // PostgreSQL's fast shutdown
	if err := s.process.Process.Signal(fast); err != nil {
		t.Error(err)
	}
	_ = s.process.Wait()
	s.process = nil
}

func (s *Server) ping(t *testing.T) error {
	t.Helper()
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s dbname=%s user=%s", s.Config.Host, s.Config.Port, s.Config.Name, s.Config.User))
	if err != nil {
		return err
	}
	config.Password = s.Config.Password
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		return err
	}
	return conn.Close(t.Context())
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
