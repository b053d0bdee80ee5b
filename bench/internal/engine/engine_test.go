package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newEngine returns the socket of a minimal engine. An exec prints the length of its input.
func newEngine(t *testing.T) (socket string) {
	t.Helper()
	execs := map[string]int{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1.41/containers/{name}/exec", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Cmd []string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Cmd) == 0 {
			t.Errorf("exec without a command: %v", err)
		}
		id := fmt.Sprintf("exec%d", len(execs))
		execs[id] = len(body.Cmd)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"Id":%q}`, id)
	})
	mux.HandleFunc("POST /v1.41/exec/{id}/start", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		n, _ := io.Copy(io.Discard, buffer) // until the client's half close
		fmt.Fprintf(conn, "read %d", n)
	})
	mux.HandleFunc("GET /v1.41/images/get", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "archive") })
	mux.HandleFunc("POST /v1.41/build", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("GET /images/json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"RepoTags":["b/y:1","a/z:1"]},{"RepoTags":["b/x:1","b/x:2"]},{"RepoTags":null}]`)
	})
	mux.HandleFunc("GET /images/{ref...}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("ref") != "docker.io/acme/web:1/json" {
			http.Error(w, `{"message":"no such image"}`, http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"Id":"sha256:1","RootFS":{"Layers":["sha256:2"]}}`)
	})
	mux.HandleFunc("POST /images/create", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"…"}`+"\r\n"+`{"errorDetail":{"message":"disk full"}}`)
	})
	socket = filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return socket
}

func newProxy(t *testing.T) *Proxy {
	t.Helper()
	p, err := Listen(t.Context(), filepath.Join(t.TempDir(), "proxy.sock"), newEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func send(t *testing.T, socket, head, body string) (*net.UnixConn, *http.Response) {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: docker\r\nContent-Length: %d\r\nContent-Type: application/json\r\n", head, len(body))
	if strings.Contains(head, "/start") {
		fmt.Fprint(conn, "Connection: Upgrade\r\nUpgrade: tcp\r\n")
	}
	fmt.Fprint(conn, "\r\n"+body)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UnixConn), response
}

func runExec(t *testing.T, p *Proxy, command []string, input string) string {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"Cmd": command})
	_, response := send(t, p.Socket, "POST /v1.41/containers/node/exec", string(body))
	var created struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&created); err != nil {
		t.Fatal(err)
	}
	conn, response := send(t, p.Socket, "POST /v1.41/exec/"+created.ID+"/start", "{}")
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response.Status)
	}
	fmt.Fprint(conn, input)
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	output, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

func TestProxy_Take(t *testing.T) {
	t.Parallel()
	t.Run("counts bytes sent to image imports", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t)
		archive := strings.Repeat("x", 300_000)
		for _, command := range [][]string{
			{"ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "-"},
			{"sh", "-c", "set -e\nctr -n k8s.io images import --snapshotter \"$1\" -", "sh", "overlayfs"},
		} {
			if output := runExec(t, p, command, archive); output != "read 300000" {
				t.Errorf("%v: got output %q, want the number of bytes read", command, output)
			}
			if got := p.Take(); got != (Counts{Calls: 2, Execs: 1, SentBytes: 300_000}) {
				t.Errorf("%v: got %+v, want 2 calls, 1 exec and 300000 bytes sent", command, got)
			}
		}
		if output := runExec(t, p, []string{"cp", "/dev/stdin", "/kind/kubeadm.conf"}, archive); output != "read 300000" {
			t.Errorf("cp: got output %q, want the number of bytes read", output)
		}
		if got := p.Take(); got != (Counts{Calls: 2, Execs: 1}) {
			t.Errorf("exec without import: got %+v, want 2 calls and 1 exec", got)
		}
	})

	t.Run("counts builds and saves", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t)
		_, response := send(t, p.Socket, "POST /v1.41/build?versionPrefix=2", "context")
		if output, _ := io.ReadAll(response.Body); string(output) != "context" {
			t.Errorf("build: got response %q, want the context", output)
		}
		_, response = send(t, p.Socket, "GET /v1.41/images/get?names=a", "")
		if output, _ := io.ReadAll(response.Body); string(output) != "archive" {
			t.Errorf("save: got %q, want the archive", output)
		}
		if got := p.Take(); got != (Counts{Calls: 2, Builds: 1, Saves: 1, SavedBytes: 7}) {
			t.Errorf("got %+v, want 2 calls, 1 build and 1 save of 7 bytes", got)
		}
	})
}

func TestClient(t *testing.T) {
	t.Parallel()
	c := NewClient(newEngine(t))
	image, err := c.Image(t.Context(), "docker.io/acme/web:1")
	if err != nil || image.ID != "sha256:1" || len(image.RootFS.Layers) != 1 {
		t.Errorf("got image %+v, error %v, want sha256:1 with one layer", image, err)
	}
	if _, err := c.Image(t.Context(), "acme/none:1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown image: got error %v, want ErrNotFound", err)
	}
	if tags, err := c.Tags(t.Context(), "b/"); err != nil || strings.Join(tags, " ") != "b/x:1 b/x:2 b/y:1" {
		t.Errorf("got tags %v, error %v, want the sorted tags of b/", tags, err)
	}
	if err := c.Import(t.Context(), "acme/base", "1", strings.NewReader("tar")); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("failed import: got error %v, want disk full", err)
	}
}

func TestDaemonCPUSeconds(t *testing.T) {
	t.Parallel()
	proc := t.TempDir()
	for pid, status := range map[string]string{
		"1": "Name:\tdockerd\nNSpid:\t1\n",
		"2": "Name:\tcontainerd\nNSpid:\t2\n",
		"3": "Name:\tcontainerd\nNSpid:\t3\t70\n", // in a node
		"4": "Name:\tbash\nNSpid:\t4\n",
	} {
		dir := filepath.Join(proc, pid)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		stat := pid + " (a) b) S 0 1 1 0 -1 4194560 1 2 3 9 100 20 3 4 20 0 1 0 5"
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "status"), []byte(status), 0o644),
			os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := DaemonCPUSeconds(proc); err != nil || got != 2*1.27 {
		t.Errorf("got %v, error %v, want %v", got, err, 2*1.27)
	}
}
