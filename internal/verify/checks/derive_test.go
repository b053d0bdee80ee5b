package checks

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

var update = flag.Bool("update", false, "update the golden files")

// manifest reads rendered YAML as the API server's objects.
func manifest(t *testing.T, text string) []unstructured.Unstructured {
	t.Helper()
	var objects []unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

// describe lists checks as people read them, one a line.
func describe(checks []probe.Check) string {
	var text strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&text, "%-28s %s", c.ID, c.URL())
		if len(c.Needs) > 0 {
			fmt.Fprintf(&text, "  needs %s", strings.Join(c.Needs, ", "))
		}
		if len(c.Headers) > 0 {
			fmt.Fprintf(&text, "  headers %v", c.Headers)
		}
		if c.Timeout > 0 {
			fmt.Fprintf(&text, "  timeout %v", c.Timeout)
		}
		text.WriteString("\n")
	}
	return text.String()
}

func TestDeriveGivesTheChecksThatAChartPromises(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/derive/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no charts to derive from", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			got := describe(Derive(manifest(t, string(content)), "tiktok-clone"))
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestDerivedChecksReachTheProbeAsTheyAre(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/derive/stack.yaml")
	if err != nil {
		t.Fatal(err)
	}
	checks := Derive(manifest(t, string(content)), "tiktok-clone")
	packed, err := probe.Pack(checks)
	if err != nil {
		t.Fatal(err)
	}
	in, err := probe.Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	var got []probe.Check
	if err := json.NewDecoder(in).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if describe(got) != describe(checks) {
		t.Errorf("got\n%s\nwant\n%s", describe(got), describe(checks))
	}
	if in, err = probe.Unpack(packed); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // before anything is asked
	if err := probe.Run(ctx, in, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("the probe does not take them: %v", err)
	}
}

const twoServices = `
apiVersion: v1
kind: Service
metadata: {name: auth-service}
spec: {ports: [{port: 4001}]}
---
apiVersion: v1
kind: Service
metadata: {name: feed}
spec: {ports: [{port: 80}]}
`

func TestSelectSkipsAndAdds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		extra []probe.Check
		skip  []string
		want  string
	}{
		"a Service is skipped with all its checks": {
			skip: []string{"auth-service"},
			want: "cluster-dns feed/dns<cluster-dns feed/dns-full<cluster-dns feed/tcp-80<feed/dns",
		},
		"a skipped link is bridged": {
			skip: []string{"auth-service", "feed/dns"},
			want: "cluster-dns feed/dns-full<cluster-dns feed/tcp-80<cluster-dns",
		},
		"without cluster DNS the names stand alone": {
			skip: []string{"auth-service", "cluster-dns"},
			want: "feed/dns feed/dns-full feed/tcp-80<feed/dns",
		},
		"an extra check asks its Service, after its port": {
			skip:  []string{"auth-service", "feed/dns-full"},
			extra: []probe.Check{{Service: "feed", Kind: probe.HTTP, Target: probe.Target{Port: 80, Path: "/"}}},
			want:  "cluster-dns feed/dns<cluster-dns feed/tcp-80<feed/dns feed/http-80<feed/tcp-80",
		},
		"an extra check of another host needs the cluster's DNS": {
			skip:  []string{"auth-service", "feed"},
			extra: []probe.Check{{ID: "mail", Kind: probe.TCP, Target: probe.Target{Host: "smtp.example.com", Port: 25}}},
			want:  "cluster-dns mail<cluster-dns",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checks, err := Select(Derive(manifest(t, twoServices), "app"), test.extra, nil, test.skip)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range checks {
				got = append(got, strings.TrimSuffix(c.ID+"<"+strings.Join(c.Needs, ","), "<"))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), test.want)
			}
		})
	}
}

func TestSelectLeavesOutHooksByName(t *testing.T) {
	t.Parallel()
	hooks := []string{"account", "journey", "account"}
	checks, err := Select(Derive(manifest(t, twoServices), "app"), nil, hooks, []string{"account", "feed"})
	if err != nil || len(checks) != 4 {
		t.Errorf("got %d checks, %v, want 4", len(checks), err)
	}
}

func TestSelectTellsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Select(Derive(manifest(t, twoServices), "app"), []probe.Check{
		{Service: "feed", Kind: "ftp"},
		{Kind: probe.TCP, Target: probe.Target{Port: 1}},
		{Service: "feed", Kind: probe.TCP, Target: probe.Target{Port: 70000}},
		{Service: "feed", Kind: probe.HTTP, Target: probe.Target{Port: 80, Scheme: "ws"}},
		{ID: "p", Service: "feed", Kind: probe.HTTP, Target: probe.Target{Port: 80, Path: "health"}},
		{ID: "s", Service: "feed", Kind: probe.HTTP, Target: probe.Target{Port: 80}, Expect: probe.Expect{Status: 1000}},
		{ID: "t", Service: "feed", Kind: probe.DNS, Timeout: -1},
		{ID: "feed/tcp-80", Service: "feed", Kind: probe.TCP, Target: probe.Target{Port: 80}},
		{ID: NetworkPolicies, Service: "feed", Kind: probe.TCP, Target: probe.Target{Port: 80}},
	}, []string{"journey"}, []string{"auth-servce", "feed/tcp-81", "zzz"})
	if fault.ClassOf(err) != fault.Config || fault.HintOf(err) == "" {
		t.Fatalf("class %q, hint %q", fault.ClassOf(err), fault.HintOf(err))
	}
	want := []string{
		`skip: unknown check, Service or test hook "auth-servce"; did you mean "auth-service"?`,
		`skip: unknown check, Service or test hook "feed/tcp-81"; did you mean "feed/tcp-80"?`,
		`skip: unknown check, Service or test hook "zzz"; valid names are cluster-dns, auth-service/dns, auth-service, auth-service/dns-full, auth-service/tcp-4001, feed/dns, feed, feed/dns-full, feed/tcp-80, journey`,
		`extra check 1 (feed/ftp): kind "ftp" must be dns, tcp, http or grpc`,
		`extra check 2 (/tcp-1): service or host required`,
		`extra check 3 (feed/tcp-70000): port 70000 must be between 1 and 65535`,
		`extra check 4 (feed/http-80): scheme "ws" must be http or https`,
		`extra check 5 (p): path "health" must start with /`,
		`extra check 6 (s): status 1000 must be between 100 and 599`,
		`extra check 7 (t): timeouts must not be negative`,
		`extra check 8: duplicate ID "feed/tcp-80"`,
		`extra check 9: duplicate ID "network-policies"`,
	}
	if got := err.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestTooManyChecksForOnePodAreRefused(t *testing.T) {
	t.Parallel()
	var checks []probe.Check
	for i := range 4000 {
		name := fmt.Sprintf("%x", i*i*7919)
		checks = append(checks, probe.Check{ID: name + "/http-health", Service: name, Kind: probe.HTTP, Target: probe.Target{Host: name, Port: i + 1}})
	}
	if _, err := probe.Pack(checks[:2000]); err != nil {
		t.Errorf("2000 checks: %v", err)
	}
	if _, err := probe.Pack(append(checks, checks...)); fault.ClassOf(err) != fault.Config {
		t.Errorf("8000 checks: %v", err)
	}
}
