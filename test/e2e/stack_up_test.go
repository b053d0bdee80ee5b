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
	if !strings.Contains(up.stdout, stackURL) {
		t.Errorf("up does not say where the app answers:\n%s", up.stdout)
	}
	if code, body := call(t, "GET", stackURL+"/health", "", ""); code != 200 {
		t.Errorf("GET /health: %d %s", code, body)
	}
	register(t)
	login(t)
	for name, w := range workloads(t, p) {
		if w.Ready != w.Desired || w.Desired == 0 {
			t.Errorf("%s: %d of %d ready", name, w.Ready, w.Desired)
		}
	}
	wantControllerFlags(t, p.kube(t))
}

// quickControllers finds in the new cluster what docs/adr/0013 asked kubeadm for.
func wantControllerFlags(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	for component, wanted := range map[string][]string{
		"kube-controller-manager": {"--leader-elect=false", "--kube-api-qps=200", "--kube-api-burst=300"},
		"kube-scheduler":          {"--leader-elect=false"},
	} {
		found, err := client.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: "component=" + component})
		if err != nil || len(found.Items) != 1 {
			t.Fatalf("%d pods of %s: %v", len(found.Items), component, err)
		}
		command := found.Items[0].Spec.Containers[0].Command
		for _, argument := range wanted {
			if !slices.Contains(command, argument) {
				t.Errorf("%s runs without %s: %q", component, argument, command)
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
		t.Errorf("%d mutations, exit %d", last.Changes, last.Exit)
	}
	for _, stage := range last.Stages {
		want := "unchanged"
		if stage.ID == "verify" {
			want = "done"
		}
		if stage.Outcome != want {
			t.Errorf("stage %s: %s (%s), want %s", stage.ID, stage.Outcome, stage.Reason, want)
		}
	}
	wantSamePods(t, before, pods(t, client, stackNamespace))
	wantPolicyResult(t, events)
}

// policiesAreToldOf wants one line that says whether this cluster's network
// plugin enforces NetworkPolicies: either is well, not to know it is not.
func wantPolicyResult(t *testing.T, events []eventLine) {
	t.Helper()
	var said []string
	for _, e := range events {
		if e.Item == "network-policies" {
			said = append(said, e.Message)
		}
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "enforced (kafka-0:9093 ") && !strings.HasPrefix(said[0], "not enforced by this cluster's network plugin: kafka-0:9093 ") {
		t.Errorf("of the network policies is said: %q", said)
		return
	}
	t.Attr("seen", "network policies: "+said[0])
}

func wantSamePods(t *testing.T, before, after map[string]corev1.Pod) {
	t.Helper()
	for uid, pod := range before {
		now, there := after[uid]
		if !there {
			t.Errorf("pod %s is not the same any more", pod.Name)
		} else if restarts(now) != restarts(pod) {
			t.Errorf("pod %s was restarted", pod.Name)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d pods before, %d after", len(before), len(after))
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
			t.Errorf("stage %s changed %v, want auth-service alone", stage, got)
		}
	}
	after := pods(t, client, stackNamespace)
	for uid, pod := range before {
		_, same := after[uid]
		if isAuth := pod.Labels["app.kubernetes.io/name"] == "auth-service"; same == isAuth {
			t.Errorf("pod %s: same after the change: %t", pod.Name, same)
		}
	}
	login(t)
}
