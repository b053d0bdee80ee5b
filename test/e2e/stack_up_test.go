//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func testFirstUp(t *testing.T, p *project) {
	up := p.run(t, "up").wantExit(t, 0)
	wantContains(t, "stdout", up.stdout, stackURL)
	wantStackHealthy(t)
	register(t)
	login(t)
	for _, w := range p.workloads(t) {
		if w.Ready != w.Desired || w.Desired == 0 {
			t.Errorf("%s: got %d ready, want %d and more than 0", w.Name, w.Ready, w.Desired)
		}
	}
	wantControllerFlags(t, p.kube(t))
}

func wantStackHealthy(t *testing.T) {
	t.Helper()
	if code, body := call(t, "GET", stackURL+"/health", "", ""); code != 200 {
		t.Errorf("GET /health: got %d %s, want 200", code, body)
	}
}

// wantControllerFlags checks the flags of docs/adr/0013.
func wantControllerFlags(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	for component, flags := range map[string][]string{
		"kube-controller-manager": {"--leader-elect=false", "--kube-api-qps=200", "--kube-api-burst=300"},
		"kube-scheduler":          {"--leader-elect=false"},
	} {
		found, err := client.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: "component=" + component})
		if err != nil || len(found.Items) != 1 {
			t.Fatalf("got %d pods of %s, error %v, want 1", len(found.Items), component, err)
		}
		command := found.Items[0].Spec.Containers[0].Command
		for _, flag := range flags {
			if !slices.Contains(command, flag) {
				t.Errorf("%s: got command %q, want flag %s", component, command, flag)
			}
		}
	}
}

func testSecondUp(t *testing.T, p *project) {
	client := p.kube(t)
	before := pods(t, client, stackNamespace)
	events := p.run(t, "up", "--output", "json").wantExit(t, 0).events(t)
	last := events[len(events)-1]
	if last.Changes != 0 || last.Exit != 0 {
		t.Errorf("got %d changes, exit %d, want 0 and 0", last.Changes, last.Exit)
	}
	for _, stage := range last.Stages {
		want := "unchanged"
		if stage.ID == "verify" {
			want = "done"
		}
		if stage.Outcome != want {
			t.Errorf("stage %s: got %s (%s), want %s", stage.ID, stage.Outcome, stage.Reason, want)
		}
	}
	wantSamePods(t, before, pods(t, client, stackNamespace))
	wantPolicyResult(t, events)
}

// wantPolicyResult accepts any result.
func wantPolicyResult(t *testing.T, events []eventLine) {
	t.Helper()
	var got []string
	for _, e := range events {
		if e.Item == "network-policies" {
			got = append(got, e.Message)
		}
	}
	if len(got) != 1 || !strings.HasPrefix(got[0], "enforced (kafka-0:9093 ") && !strings.HasPrefix(got[0], "not enforced by this cluster's network plugin: kafka-0:9093 ") {
		t.Errorf("got messages %q about network policies, want one with the result for kafka-0:9093", got)
		return
	}
	t.Attr("seen", "network policies: "+got[0])
}

func wantSamePods(t *testing.T, before, after map[string]corev1.Pod) {
	t.Helper()
	for uid, pod := range before {
		now, ok := after[uid]
		if !ok {
			t.Errorf("pod %s: got it replaced or removed, want it unchanged", pod.Name)
		} else if got, want := restarts(now), restarts(pod); got != want {
			t.Errorf("pod %s: got %d restarts, want %d", pod.Name, got, want)
		}
	}
	if len(before) != len(after) {
		t.Errorf("got %d pods, want %d", len(after), len(before))
	}
}

func testOneChange(t *testing.T, p *project) {
	client := p.kube(t)
	before := pods(t, client, stackNamespace)
	source := filepath.Join(p.dir, "services", "auth-service", "main.go")
	writeFile(t, source, readFile(t, source)+fmt.Sprintf("\n// changed at %s\n", time.Now()))

	events := p.run(t, "up", "--output", "json").wantExit(t, 0).events(t)
	for _, stage := range []string{"build", "load"} {
		if got := changedItems(events, stage); len(got) != 1 || got[0] != "auth-service" {
			t.Errorf("stage %s: got changes of %v, want only auth-service", stage, got)
		}
	}
	after := pods(t, client, stackNamespace)
	for uid, pod := range before {
		_, same := after[uid]
		if isAuth := pod.Labels["app.kubernetes.io/name"] == "auth-service"; same == isAuth {
			t.Errorf("pod %s: got kept %t, want %t", pod.Name, same, !isAuth)
		}
	}
	login(t)
}
