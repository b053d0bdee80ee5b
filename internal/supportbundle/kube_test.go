package supportbundle

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/redact"
)

const canary = "canary-4f1b9c\"<>&"

var canary64 = base64.StdEncoding.EncodeToString([]byte(canary))

// redactCanary redacts the canary in the same forms as package release.
func redactCanary(s string) string {
	quoted, _ := json.Marshal(canary)
	for _, form := range []string{canary64, strings.Trim(string(quoted), `"`), strings.ReplaceAll(canary, `"`, `\"`), canary} {
		s = strings.ReplaceAll(s, form, redact.Mask)
	}
	return s
}

// apiServer returns the client of a server with a crashing pod. Every field that a
// program can set contains the canary.
func apiServer(t *testing.T, override map[string]http.HandlerFunc) kubernetes.Interface {
	t.Helper()
	quoted, _ := json.Marshal("says " + canary)
	long, _ := json.Marshal(strings.Repeat("many words and ", 20) + canary + strings.Repeat(" and more", 20))
	pod := `{"metadata":{"name":"web-1","namespace":"shop","managedFields":[{"manager":"kubectl"}],
		"annotations":{"note":` + string(long) + `,"kubectl.kubernetes.io/last-applied-configuration":"x"}},
		"spec":{"nodeName":"n1","containers":[{"name":"web","env":[{"name":"DB_PASSWORD","value":"literal-pw"},{"name":"MODE","value":"fast"},
			{"name":"KEY","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}],"resources":{"requests":{"cpu":"250m"}}}],"initContainers":[{"name":"migrate","resources":{"requests":{"cpu":"600m"}}}]},
		"status":{"phase":"Running","containerStatuses":[{"name":"web","restartCount":3,
			"state":{"waiting":{"reason":"CrashLoopBackOff","message":` + string(quoted) + `}},"lastState":{"terminated":{"exitCode":1}}}]}}`
	starting := `{"metadata":{"name":"web-2","namespace":"shop"},"spec":{"containers":[{"name":"web"}]},
		"status":{"phase":"Pending","containerStatuses":[{"name":"web","state":{"waiting":{"reason":"ContainerCreating"}}}]}}`
	responses := map[string]string{
		"/api/v1/namespaces/shop/pods":                    pod + "," + starting,
		"/api/v1/pods":                                    pod + "," + starting,
		"/api/v1/namespaces/shop/secrets":                 `{"metadata":{"name":"s"},"type":"Opaque","data":{"k":"` + canary64 + `"}}`,
		"/apis/apps/v1/namespaces/shop/deployments":       `{"metadata":{"name":"web"},"spec":{"template":{"metadata":{"annotations":{"a":"` + canary64 + `"}}}}}`,
		"/api/v1/namespaces/shop/events":                  `{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"web-1"},"reason":"BackOff","message":` + string(quoted) + `,"lastTimestamp":"2026-11-24T12:00:00Z"}`,
		"/api/v1/namespaces/default/events":               `{"metadata":{"name":"e"},"involvedObject":{"kind":"Node","name":"n1"},"reason":"NodeHasDiskPressure","eventTime":"2026-11-24T12:00:00.000000Z"}`,
		"/api/v1/nodes":                                   `{"metadata":{"name":"n1"},"status":{"allocatable":{"cpu":"2","pods":"110"},"conditions":[{"type":"DiskPressure","status":"True"}],"images":[{"names":["x"]}]}}`,
		"/api/v1/namespaces/shop/pods/web-1/log":          "log: now " + canary + "\n",
		"/api/v1/namespaces/shop/pods/web-1/log?previous": "log: before " + canary + "\nerror: Secret \"s\": Invalid value: x\nthe end\n",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.Path
		if r.URL.Query().Get("previous") == "true" {
			key += "?previous"
		}
		if handle := override[key]; handle != nil {
			handle(w, r)
			return
		}
		if text, ok := strings.CutPrefix(responses[key], "log: "); ok {
			io.WriteString(w, text)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"items":[%s]}`, responses[key])
	}))
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func collect(t *testing.T, limits Limits, override map[string]http.HandlerFunc) map[string]string {
	t.Helper()
	b := open(t, limits)
	b.SetRedactor(redactCanary, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	b.Collect(ctx, time.Second, append(Kubernetes(apiServer(t, override), "shop", limits), NodeLogs(oneNode(nil)))...)
	if err := b.Index(Report{Command: "up", Failure: "web says " + canary}); err != nil {
		t.Fatal(err)
	}
	return content(t, b)
}

type node struct{ err error }

func (node) Name() string { return "n1" }

func (n node) Run(_ context.Context, _ io.Reader, stdout io.Writer, command ...string) error {
	if slices.Contains(command, "--unit=containerd") {
		return n.err
	}
	fmt.Fprintf(stdout, "probe failed output=\"%s\" node n1\n", strings.ReplaceAll(canary, `"`, `\"`))
	return nil
}

func oneNode(err error) func(context.Context) ([]Node, error) {
	return func(context.Context) ([]Node, error) { return []Node{node{err}}, nil }
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	t.Run("redacts Secrets in every file", func(t *testing.T) {
		t.Parallel()
		files := collect(t, Limits{}, nil)
		for name, text := range files {
			for _, secret := range []string{"canary-4f1b9c", canary64, "literal-pw"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s contains %s:\n%s", name, secret, text)
				}
			}
		}
		for name, want := range map[string][]string{
			"index.md":                    {"web says [redacted]", "pod web-1: Running, 0 of 1 containers ready, 3 restarts", "Secrets: names and keys"},
			"pods/web-1/pod.yaml":         {"kind: Pod", "CrashLoopBackOff", "says [redacted]", "value: fast", "name: s"},
			"pods/web-1/web.log":          {"now [redacted]"},
			"pods/web-1/web.previous.log": {"before [redacted]", "the end"},
			"pods/web-2/pod.yaml":         {"ContainerCreating"},
			"namespace/secrets.txt":       {"s        Opaque   k"},
			"namespace/deployments.yaml":  {"kind: Deployment", "a: '[redacted]'"},
			"namespace/events.txt":        {"pod/web-1", "BackOff", "says [redacted]"},
			"cluster/node-events.txt":     {"2026-11-24T12:00:00Z", "NodeHasDiskPressure"},
			"cluster/nodes.yaml":          {"DiskPressure"},
			"cluster/allocations.txt":     {"n1     cpu        2             600m       -", "n1     pods       110           1          -"},
			"cluster/pods.txt":            {"web CrashLoopBackOff"},
			"nodes/n1/kubelet.log":        {`probe failed output="[redacted]" node n1`},
		} {
			for _, part := range want {
				if !strings.Contains(files[name], part) {
					t.Errorf("%s: got\n%s\nwant %q", name, files[name], part)
				}
			}
		}
		for _, not := range []string{"pods/web-2/web.log", "namespace/jobs.yaml", "nodes/n1/containerd.log"} {
			if _, ok := files[not]; ok {
				t.Errorf("got %s, want no such file", not)
			}
		}
		for _, not := range []string{"managedFields", "last-applied"} {
			if strings.Contains(files["pods/web-1/pod.yaml"], not) {
				t.Errorf("pod.yaml contains %s", not)
			}
		}
		if strings.Contains(files["index.md"], "Missing parts") {
			t.Errorf("got missing parts, want none:\n%s", files["index.md"])
		}
	})

	t.Run("lists parts that cannot be read", func(t *testing.T) {
		t.Parallel()
		hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		files := collect(t, Limits{RequestTimeout: 3 * time.Second}, map[string]http.HandlerFunc{
			"/apis/apps/v1/namespaces/shop/deployments": func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "full of "+canary, http.StatusInternalServerError)
			},
			"/api/v1/namespaces/shop/events": hang,
			"/api/v1/namespaces/shop/pods/web-1/log?previous": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"container not found","code":400}`)
			},
			"/api/v1/namespaces/shop/pods/web-1/log": func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "first line\n")
				w.(http.Flusher).Flush()
				hang(w, r)
			},
		})
		index := files["index.md"]
		for _, want := range []string{
			"- namespace/deployments.yaml: ",
			"- events of the namespace: ",
			"- log of container web in pod web-1 before its last restart: container not found",
			"- log of container web in pod web-1: incomplete: ",
		} {
			if !strings.Contains(index, want) {
				t.Errorf("index.md: got\n%s\nwant %q", index, want)
			}
		}
		if strings.Contains(index, "canary") {
			t.Errorf("index.md contains the canary:\n%s", index)
		}
		if files["pods/web-1/web.log"] != "first line\n" || files["cluster/nodes.yaml"] == "" {
			t.Errorf("got log %q, want the first line, and want nodes.yaml", files["pods/web-1/web.log"])
		}
	})

	t.Run("limits the size of logs", func(t *testing.T) {
		t.Parallel()
		var query string
		files := collect(t, Limits{LogLines: 7, LogBytes: 100}, map[string]http.HandlerFunc{
			"/api/v1/namespaces/shop/pods/web-1/log": func(w http.ResponseWriter, r *http.Request) {
				query = r.URL.RawQuery
				for i := range 1000 {
					fmt.Fprintf(w, "line %d\n", i)
				}
			},
		})
		log := files["pods/web-1/web.log"]
		if !strings.Contains(query, "tailLines=7") || len(log) > 150 || !strings.HasSuffix(log, "\nline 999\n") || !strings.HasPrefix(log, "[87") {
			t.Errorf("got query %s and %d bytes: %q, want tailLines=7 and at most 150 bytes", query, len(log), log)
		}
	})
}

func TestNodeLogs(t *testing.T) {
	t.Parallel()
	t.Run("works without the API server", func(t *testing.T) {
		t.Parallel()
		b := open(t, Limits{})
		b.SetRedactor(nil, errors.New("connection refused"))
		b.Collect(t.Context(), time.Second, NodeLogs(oneNode(errors.New("no such unit"))))
		if err := b.Index(Report{}); err != nil {
			t.Fatal(err)
		}
		files := content(t, b)
		if got := files["nodes/n1/kubelet.log"]; got != "probe failed output=[redacted] node n1\n" {
			t.Errorf("got %q, want the probe output redacted", got)
		}
		if !strings.Contains(files["index.md"], "- journal of containerd in node n1: no such unit") {
			t.Errorf("got\n%s\nwant the missing journal", files["index.md"])
		}
	})
}

func TestFailedCreateLogs(t *testing.T) {
	t.Parallel()
	t.Run("copies and redacts text files", func(t *testing.T) {
		t.Parallel()
		from := t.TempDir()
		for name, text := range map[string]string{"n1/kubelet.log": "why " + canary + "\n", "n1/pods/a:b/0.log": strings.Repeat("x\n", 100), "n1/core.bin": "x"} {
			path := filepath.Join(from, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		b := open(t, Limits{LogBytes: 20})
		b.SetRedactor(redactCanary, nil)
		b.Collect(t.Context(), time.Second, FailedCreateLogs(from))
		files := content(t, b)
		if len(files) != 2 || !strings.HasSuffix(files["nodes/n1/pods/a_b/0.log"], "x\nx\n") {
			t.Errorf("got files %v, want two, one of them truncated", files)
		}
		if bytes.Contains([]byte(files["nodes/n1/kubelet.log"]), []byte("canary")) {
			t.Error("a copied log contains the canary")
		}
	})
}
