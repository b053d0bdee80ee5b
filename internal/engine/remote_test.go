package engine

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// TestDialStdio is the program that useSSH runs: `docker system dial-stdio`.
func TestDialStdio(t *testing.T) {
	socket := os.Getenv("TKDEPLOY_TEST_DIAL")
	if socket == "" {
		t.Skip("not run by ssh")
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		_ = conn.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(os.Stdout, conn)
	_ = os.Stdout.Close() // for the result of the test
}

// useSSH makes a shell script the ssh command. It records its arguments in a file.
func useSSH(t *testing.T, script string) (log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	enginetest.NoError(t, os.WriteFile(filepath.Join(dir, "ssh"), []byte("#!/bin/sh\necho \"$@\" >>"+log+"\n"+script), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return log
}

func TestConnect_ssh(t *testing.T) {
	self, err := os.Executable()
	enginetest.NoError(t, err)
	options := Options{Getenv: environment(map[string]string{"DOCKER_HOST": "ssh://me@there:2222"}), ConfigDir: t.TempDir()}

	t.Run("talks to the engine through ssh, not through a proxy", func(t *testing.T) {
		f := enginetest.New(t)
		log := useSSH(t, "exec "+self+" -test.run='^TestDialStdio$'")
		t.Setenv("TKDEPLOY_TEST_DIAL", f.Socket)
		t.Setenv("HTTP_PROXY", "http://proxy.invalid:1")
		e, err := Connect(t.Context(), options)
		enginetest.NoError(t, err)
		t.Cleanup(func() { _ = e.Close() })
		info, err := e.Info(t.Context())
		if err != nil || info.Version != "20.10.24" || info.Local {
			t.Errorf("got %+v, %v, want version 20.10.24 of a remote engine", info, err)
		}
		args, _ := os.ReadFile(log)
		if !strings.Contains(string(args), "-l me -p 2222 -o ConnectTimeout=30 -T -- there docker system dial-stdio") {
			t.Errorf("got ssh %s", args)
		}
	})
	t.Run("reports what ssh reports", func(t *testing.T) {
		useSSH(t, "read request; echo 'me@there: Permission denied (publickey).' >&2; exit 255")
		_, err := Connect(t.Context(), options)
		if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), "Permission denied (publickey)") ||
			!strings.Contains(fault.HintOf(err), "docker --host ssh://me@there:2222 version") {
			t.Errorf("got %v of class %s with hint %q", err, fault.ClassOf(err), fault.HintOf(err))
		}
	})
}

func TestConnect_tls(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(enginetest.New(t))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	dir, other := t.TempDir(), t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	enginetest.WriteFiles(t, dir, map[string]string{"ca.pem": string(ca)})
	host := "tcp://" + server.Listener.Addr().String()
	for name, test := range map[string]struct {
		env  map[string]string
		want string // of the error
	}{
		"verified":         {map[string]string{"DOCKER_TLS_VERIFY": "1"}, ""},
		"unknown CA":       {map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": other}, "failed to verify certificate"},
		"not verified":     {map[string]string{"DOCKER_TLS": "1", "DOCKER_CERT_PATH": other}, ""},
		"without TLS":      {nil, "HTTP response to HTTPS client|HTTP request to an HTTPS server"},
		"fixed version":    {map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_API_VERSION": "1.41"}, ""},
		"too new a client": {map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_API_VERSION": "1.99"}, "API version 1.99"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"DOCKER_HOST": host}
			for name, value := range test.env {
				env[name] = value
			}
			e, err := Connect(t.Context(), Options{Getenv: environment(env), ConfigDir: dir})
			if err == nil {
				_ = e.Close()
			}
			if test.want == "" && err != nil || test.want != "" && !containsAny(err, test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

func containsAny(err error, texts string) bool {
	for text := range strings.SplitSeq(texts, "|") {
		if err != nil && strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
