package checks

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

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

func TestSelect(t *testing.T) {
	t.Parallel()
	t.Run("skips and adds checks", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			extra []probe.Check
			skip  []string
			want  string
		}{
			"skips all checks of a Service": {
				skip: []string{"auth-service"},
				want: "cluster-dns feed/dns<cluster-dns feed/dns-full<cluster-dns feed/tcp-80<feed/dns",
			},
			"bridges a skipped dependency": {
				skip: []string{"auth-service", "feed/dns"},
				want: "cluster-dns feed/dns-full<cluster-dns feed/tcp-80<cluster-dns",
			},
			"removes dependencies on skipped cluster DNS": {
				skip: []string{"auth-service", "cluster-dns"},
				want: "feed/dns feed/dns-full feed/tcp-80<feed/dns",
			},
			"adds a check of a Service after its port": {
				skip:  []string{"auth-service", "feed/dns-full"},
				extra: []probe.Check{{Service: "feed", Kind: probe.HTTP, Target: probe.Target{Port: 80, Path: "/"}}},
				want:  "cluster-dns feed/dns<cluster-dns feed/tcp-80<feed/dns feed/http-80<feed/tcp-80",
			},
			"adds a check of another host after cluster DNS": {
				skip:  []string{"auth-service", "feed"},
				extra: []probe.Check{{ID: "mail", Kind: probe.TCP, Target: probe.Target{Host: "smtp.example.com", Port: 25}}},
				want:  "cluster-dns mail<cluster-dns",
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				checks, err := Select(Derive(manifest(t, twoServices), "app"), test.extra, test.skip)
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
	})

	t.Run("ignores names that the release does not have", func(t *testing.T) {
		t.Parallel()
		checks, err := Select(Derive(manifest(t, twoServices), "app"), nil, []string{"account", "feed"})
		if err != nil || len(checks) != 4 {
			t.Errorf("got %d checks, %v, want 4", len(checks), err)
		}
	})

	t.Run("skips what matches a pattern", func(t *testing.T) {
		t.Parallel()
		checks, err := Select(Derive(manifest(t, twoServices), "app"), nil, []string{"auth-*", "feed/dns*"})
		if err != nil || len(checks) != 2 || checks[1].ID != "feed/tcp-80" {
			t.Errorf("got %v, %v, want cluster-dns and feed/tcp-80", checks, err)
		}
	})

	t.Run("reports all problems at once", func(t *testing.T) {
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
		}, nil)
		if fault.ClassOf(err) != fault.Config || fault.HintOf(err) == "" {
			t.Fatalf("got class %q, hint %q, want class %q with a hint", fault.ClassOf(err), fault.HintOf(err), fault.Config)
		}
		want := []string{
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
		if diff := cmp.Diff(strings.Join(want, "\n"), err.Error()); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	derived, hooks := Derive(manifest(t, twoServices), "app"), []string{"journey", "shop-test-x7k2p"}
	skip := []string{"auth-servce", "feed/tcp-80", "feed/tcp-81", "journey", "shop-test-*", "zzz", "[", "x-*"}
	unknown := Unknown(derived, hooks, skip)
	if diff := cmp.Diff([]string{"auth-servce", "feed/tcp-81", "zzz", "[", "x-*"}, unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	want := []string{
		`skip: unknown check, Service or test hook "auth-servce"; did you mean "auth-service"?`,
		`skip: unknown check, Service or test hook "feed/tcp-81"; did you mean "feed/tcp-80"?`,
		`skip: unknown check, Service or test hook "zzz"; valid names are cluster-dns, auth-service/dns, auth-service, auth-service/dns-full, auth-service/tcp-4001, feed/dns, feed, feed/dns-full, feed/tcp-80, journey, shop-test-x7k2p`,
	}
	for i, text := range want {
		if got := UnknownName(unknown[i], derived, hooks).Error(); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}
