//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// nodesCluster has the longest allowed name.
var nodesCluster = "nodes-e2e-" + strings.Repeat("x", 39)

// notesManifest is a store on the control plane. The shop runs on the worker, because
// kind taints the control plane if there are workers.
const notesManifest = `apiVersion: v1
kind: Secret
metadata:
  name: notes-password
  labels: {tkdeploy.dev/keep: "true"}
data:
  {{- $kept := (lookup "v1" "Secret" .Release.Namespace "notes-password").data | default dict }}
  PASSWORD: {{ $kept.PASSWORD | default (randAlphaNum 24 | b64enc) }}
---
apiVersion: v1
kind: Service
metadata:
  name: notes
spec:
  selector: {app: notes}
  ports: [{name: http, port: 8080}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: notes
spec:
  serviceName: notes
  selector:
    matchLabels: {app: notes}
  template:
    metadata:
      labels: {app: notes}
    spec:
      automountServiceAccountToken: false
      nodeSelector: {node-role.kubernetes.io/control-plane: ""}
      tolerations: [{key: node-role.kubernetes.io/control-plane}]
      containers:
        - name: notes
          image: "{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}"
          env: [{name: NOTES, value: /data/notes.json}]
          envFrom: [{secretRef: {name: notes-password}}]
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {tcpSocket: {port: http}, periodSeconds: 1}
          volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
`

// TestNodes runs the shop and a store on two nodes. Each step continues the previous one.
func TestNodes(t *testing.T) {
	useEngine(t)
	p := newShop(t, nodesCluster, "26080")
	p.replaceInFile(t, "tkdeploy.yaml", "ports:", "workers: 1\n        ports:")
	p.addManifest(t, notesManifest)
	for _, step := range []struct {
		name string
		test func(*testing.T)
	}{
		{"deploys to both nodes", p.testTwoNodes},
		{"upgrades and rolls back on both nodes", p.testNodesRollback},
		{"recovers a restarted node", func(t *testing.T) { p.testNodeState(t, "not-ready", "restart", "--time", "1", nodesCluster+"-worker") }},
		{"resumes a paused node", func(t *testing.T) { p.testNodeState(t, "paused", "pause", nodesCluster+"-control-plane") }},
		{"keeps what a store writes when it ends", p.testNotesAcrossDown},
	} {
		if !t.Run(step.name, step.test) {
			t.Fatalf("the steps after %q depend on it", step.name)
		}
	}
}

// The smoke checks of up, in a pod on the worker, reach DNS and the store on the control
// plane.
func (p *project) testTwoNodes(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
	client := p.kube(t)
	for pod, node := range map[string]string{"web-": nodesCluster + "-worker", "notes-": nodesCluster + "-control-plane"} {
		for _, found := range pods(t, client, "shop") {
			if strings.HasPrefix(found.Name, pod) && found.Spec.NodeName != node {
				t.Errorf("pod %s: got node %s, want %s", found.Name, found.Spec.NodeName, node)
			}
		}
		if images := docker(t, "exec", node, "ctr", "--namespace", "k8s.io", "images", "list", "--quiet"); !strings.Contains(images, "shop-web:") {
			t.Errorf("node %s: got no image shop-web:\n%s", node, images)
		}
	}
	wantDifferentPodSubnets(t, client)
	claimPodAddresses(t)
	p.run(t, "verify").wantExit(t, 0)
}

// claimPodAddresses starts a container on the network of the nodes that answers for the
// addresses of all pods, as a node of another cluster may.
func claimPodAddresses(t *testing.T) {
	t.Helper()
	id := docker(t, "run", "--detach", "--rm", "--privileged", "--network", "kind", "--entrypoint", "sh", "docker.io/kindest/node:v1.37.0",
		"-c", "cd /proc/sys/net/ipv4 && echo 0 >neigh/eth0/proxy_delay && echo 1 >conf/eth0/proxy_arp && ip route add 10.244.0.0/16 dev lo && sleep 600")
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "--force", id).Run() }) // also if t is canceled
	for _, node := range []string{nodesCluster + "-control-plane", nodesCluster + "-worker"} {
		docker(t, "exec", node, "ip", "neighbour", "flush", "dev", "eth0")
	}
}

func wantDifferentPodSubnets(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(nodes.Items) != 2 {
		t.Fatalf("got nodes %v, %v, want 2", nodes, err)
	}
	for _, n := range nodes.Items {
		prefix := strings.TrimSuffix(n.Spec.PodCIDR, "0/24")
		for _, pod := range pods(t, client, metav1.NamespaceAll) {
			if pod.Spec.NodeName == n.Name && !pod.Spec.HostNetwork && !strings.HasPrefix(pod.Status.PodIP, prefix) {
				t.Errorf("pod %s/%s: got address %s, want one of %s", pod.Namespace, pod.Name, pod.Status.PodIP, n.Spec.PodCIDR)
			}
		}
	}
}

func (p *project) testNodesRollback(t *testing.T) {
	one := p.wantServing(t)
	p.addNote(t, "before the upgrade")
	p.changeSource(t)
	p.run(t, "up").wantExit(t, 0)
	p.wantNotes(t, "before the upgrade")
	p.run(t, "rollback").wantExit(t, 0)
	if back := p.wantServing(t); !slices.Equal(back.Images, one.Images) {
		t.Errorf("got images %v, want %v", back.Images, one.Images)
	}
	p.wantNotes(t, "before the upgrade")
	p.run(t, "up").wantExit(t, 0)
}

// testNodeState runs a docker command that brings the cluster into a phase, from which up
// recovers without a new revision. It also copies the password again, as after a run that
// was interrupted before that.
func (p *project) testNodeState(t *testing.T, phase string, command ...string) {
	before := p.wantServing(t)
	docker(t, command...)
	status := p.run(t, "status").wantExit(t, 0)
	wantContains(t, "status", status.stdout, phase)
	if phase == "paused" {
		p.testPausedCommands(t)
	}
	const password = "notes-password.json"
	for _, path := range p.keptPaths(t, password) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	p.run(t, "up").wantExit(t, 0)
	if found := p.keptPaths(t, password); len(found) != 1 {
		t.Errorf("got copies %v of the password, want 1", found)
	}
	wantContains(t, "status", p.run(t, "status").wantExit(t, 0).stdout, "running")
	if after := p.wantServing(t); after.Revision != before.Revision {
		t.Errorf("got revision %d, want %d", after.Revision, before.Revision)
	}
	p.wantAllReady(t)
}

// testPausedCommands expects commands that need a started cluster to fail at once.
func (p *project) testPausedCommands(t *testing.T) {
	for command, exit := range map[string]int{"verify": 11, "up --only load": 11, "rollback": 16, "history": 11} {
		r := p.run(t, strings.Fields(command)...).wantExit(t, exit).wantStderr(t, "is paused: node "+nodesCluster+"-control-plane is paused", "start it: tkdeploy up --env test")
		r.wantWithin(t, 5*time.Second)
	}
}

func (p *project) testNotesAcrossDown(t *testing.T) {
	p.addNote(t, "before down")
	p.run(t, "down").wantExit(t, 0)
	p.run(t, "up").wantExit(t, 0)
	p.wantNotes(t, "before the upgrade", "before down")
}

func (p *project) addNote(t *testing.T, text string) {
	t.Helper()
	err := p.kube(t).CoreV1().RESTClient().Post().Namespace("shop").Resource("services").Name("notes:8080").SubResource("proxy").Suffix("notes").
		Body([]byte(text)).Do(t.Context()).Error()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *project) wantNotes(t *testing.T, want ...string) {
	t.Helper()
	text, err := p.kube(t).CoreV1().Services("shop").ProxyGet("http", "notes", "8080", "notes", nil).DoRaw(t.Context())
	var got []string
	if err != nil || json.Unmarshal(text, &got) != nil || !slices.Equal(got, want) {
		t.Errorf("got notes %s, error %v, want %q", text, err, want)
	}
}
