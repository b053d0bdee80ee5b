//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const engineSocket = "/var/run/docker.sock"

// otherContext runs up where the default socket leads nowhere and the current
// Docker context leads to another one: cluster, build and load all go there.
func (p *project) testDockerContext(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can hide the engine's socket from a process")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "other.sock")
	connections := proxySocket(t, socket, engineSocket)
	id := sha256.Sum256([]byte("other"))
	writeFile(t, filepath.Join(dir, "config.json"), `{"currentContext":"other"}`)
	writeFile(t, filepath.Join(dir, "contexts", "meta", hex.EncodeToString(id[:]), "meta.json"),
		`{"Name":"other","Metadata":{},"Endpoints":{"docker":{"Host":"unix://`+socket+`","SkipTLSVerify":false}}}`)

	p.run(t, "down").wantExit(t, 0)
	p.changeSource(t)
	other := p.withEnv("DOCKER_CONFIG="+dir, "DOCKER_HOST=")
	other.wrapper = []string{"unshare", "--mount", "sh", "-c", `mount --bind /dev/null ` + engineSocket + ` && exec "$@"`, "sh"}
	other.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
	if n := connections.Load(); n == 0 {
		t.Error("nobody asked the context's engine")
	}
}

// relay passes connections on from one socket to another, and counts them.
func proxySocket(t *testing.T, from, to string) *atomic.Int32 {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "unix", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var connections atomic.Int32
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil { // closed
				return
			}
			connections.Add(1)
			go proxyConnection(client, to)
		}
	}()
	return &connections
}

func proxyConnection(client net.Conn, to string) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(context.Background(), "unix", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
}

// fewWatches takes inotify instances from the machine, for a moment only:
// others need them.
func (p *project) testInotifyLimit(t *testing.T) {
	const setting = "/proc/sys/fs/inotify/max_user_instances"
	before := readFile(t, setting)
	if err := os.WriteFile(setting, []byte("128"), 0o644); err != nil {
		t.Skipf("SKIPPED: this machine does not let the test change its settings: %v; internal/cluster tests the same below", err)
	}
	got := p.run(t, "doctor", "--output", "json")
	writeFile(t, setting, before)
	found := p.doctorChecks(t, got.wantExit(t, 0))
	if !strings.HasPrefix(found["inotify"], "warn ") || !strings.Contains(found["inotify"], "128") {
		t.Errorf("got %v", found)
	}
	t.Attr("seen", found["inotify"])
}

// fullDisk lets a build fill the file system that it writes to, which is a small
// one in memory.
func (p *project) testFullDisk(t *testing.T) {
	before := newest(p.history(t))
	p.replaceInFile(t, "web/Dockerfile", "COPY ",
		"RUN cat /dev/zero >/dev/shm/full\nCOPY ")
	p.run(t, "up").wantExit(t, 10).wantStderr(t, "No space left on device", "is full")
	if after := newest(p.history(t)); after.Revision != before.Revision {
		t.Errorf("revision %d was deployed", after.Revision)
	}
}

func (p *project) testLargeChart(t *testing.T) {
	before := newest(p.history(t))
	path := filepath.Join(p.dir, "chart", "files", "films.bin")
	noise := make([]byte, 2<<20)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(noise))
	defer os.RemoveAll(filepath.Dir(path))
	p.run(t, "up").wantExit(t, 3).wantStderr(t, "files/films.bin")
	if after := newest(p.history(t)); after.Revision != before.Revision {
		t.Errorf("revision %d was written", after.Revision)
	}
}

func (p *project) testMovingTag(t *testing.T) {
	const image = `"{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}"`
	for _, moving := range []string{"shop-web:latest", "shop-web"} {
		t.Run(moving, func(t *testing.T) {
			p.replaceInFile(t, "chart/templates/web.yaml", image, moving)
			p.run(t, "up").wantExit(t, 3).wantStderr(t, moving)
		})
	}
}

// otherArchitecture has an image in the engine that no node here can run.
func (p *project) testOtherArchitecture(t *testing.T) {
	const ref = "docker.io/tkdeploy/e2e-foreign:1"
	arch := "arm64"
	if strings.TrimSpace(docker(t, "version", "--format", "{{.Server.Arch}}")) == arch {
		arch = "amd64"
	}
	layer := tarArchive(t, map[string][]byte{"hello": []byte("hello")})
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": arch, "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	load := exec.CommandContext(t.Context(), "docker", "load")
	load.Stdin = bytes.NewReader(tarArchive(t, map[string][]byte{
		"layer.tar": layer, "config.json": config,
		"manifest.json": []byte(`[{"Config":"config.json","RepoTags":["` + ref + `"],"Layers":["layer.tar"]}]`),
	}))
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	defer docker(t, "rmi", ref)
	before := newest(p.history(t))
	p.replaceInFile(t, "tkdeploy.yaml", "bases:", "  foreign: {ref: "+ref+"}\nbases:")
	p.run(t, "up").wantExit(t, 12).wantStderr(t, ref, "linux/"+arch)
	if after := newest(p.history(t)); after.Revision != before.Revision {
		t.Errorf("revision %d was deployed", after.Revision)
	}
}

func tarArchive(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// heldNamespace deletes the app's namespace, in which something holds it, for
// longer than up waits, and then for 20 s.
func (p *project) testTerminatingNamespace(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	client := p.kube(t)
	maps := client.CoreV1().ConfigMaps("shop")
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "held", Finalizers: []string{"example.com/hold"}}}
	if _, err := maps.Create(t.Context(), held, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().Namespaces().Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	letGo := func() {
		_, err := maps.Patch(context.Background(), "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("let the namespace go: %v", err)
		}
	}
	defer letGo()
	p.run(t, "up").wantExit(t, 13).wantStderr(t, "namespace shop is still being deleted", "example.com/hold")
	defer time.AfterFunc(20*time.Second, letGo).Stop()
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}

// rejectedSecret has a Secret in the chart that the API server does not take.
func (p *project) testRejectedSecret(t *testing.T) {
	const canary = "canary-of-a-rejected-secret-2c41"
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	p.replaceInFile(t, "chart/templates/web.yaml", "apiVersion: apps/v1\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: rejected}\ndata: {\"no/key\": "+encoded+"}\n---\napiVersion: apps/v1\n")
	dir := filepath.Join(t.TempDir(), "bundle")
	got := p.run(t, "up", "--diagnostics", dir).wantExit(t, 13).wantStderr(t, "rejected")
	outputs := map[string]string{"stdout": got.stdout, "stderr": got.stderr}
	for _, root := range []string{dir, filepath.Join(p.state, "tkdeploy")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				outputs[path] = readFile(t, path)
			}
			return nil // volumes may come and go
		})
		if err != nil {
			t.Error(err)
		}
	}
	for name, text := range outputs {
		for _, form := range []string{canary, encoded} {
			if strings.Contains(text, form) {
				t.Errorf("%s has %s", name, form)
			}
		}
	}
}
