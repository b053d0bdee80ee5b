package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

const ownMount = "/etc/tkdeploy/shop/dev"

func TestObserve(t *testing.T) {
	t.Parallel()
	healthy := healthyObjects
	for name, test := range map[string]struct {
		containers []container
		objects    func(*Cluster) []runtime.Object
		want       Phase
	}{
		"no container":                    {nil, nil, Absent},
		"a container without our mount":   {[]container{node("/somewhere", true)}, healthy, NotOwned},
		"one of another environment":      {[]container{node("/etc/tkdeploy/shop/ci", true)}, healthy, NotOwned},
		"a stopped container":             {[]container{node(ownMount, false)}, healthy, Stopped},
		"no marker":                       {[]container{node(ownMount, true)}, nil, Incomplete},
		"a healthy cluster":               {[]container{node(ownMount, true)}, healthy, Running},
		"settings that it cannot take on": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object { c.Workers = 7; o := healthyObjects(c); c.Workers = 0; return o }, Outdated},
		"a node that is not ready": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)
			objects[1].(*corev1.Node).Status.Conditions[0].Status = corev1.ConditionFalse
			return objects
		}, NotReady},
		"a kubeconfig that leads to other nodes": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)
			objects[1].(*corev1.Node).Spec.ProviderID = "aws:///eu-west-1a/i-1"
			return objects
		}, NotOwned},
		"one that leads to other nodes, and no marker": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)[1:]
			objects[0].(*corev1.Node).Spec.ProviderID = "kind://docker/other/other-control-plane"
			return objects
		}, NotOwned},
		// Docker restarts nodes by itself; the smoke test then had to wait for pods
		// that the API server still called ready
		"pods that were not restarted since": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			return append(healthyObjects(c), podRunningSince(startTime.Add(-time.Hour)))
		}, NotReady},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: test.containers}
			c := newCluster(t, docker, &fakeKind{})
			if test.objects != nil {
				c = newCluster(t, docker, &fakeKind{}, test.objects(c)...)
			}
			got, err := c.Observe(t.Context())
			if err != nil || got.Phase != test.want {
				t.Errorf("got %s (%s), %v, want %s", got.Phase, got.Reason, err, test.want)
			}
			if changes := docker.changed(); len(changes) > 0 {
				t.Errorf("looking changed something: %v", changes)
			}
		})
	}
}

// A create that was killed goes on for a while in its containers: kubeadm brings
// the API server up, and even all that the node needs may be there. An up that
// took this for a cluster on its way ended well, and left one without storage and
// without its mark.
func TestAClusterWhoseCreateWasKilledIsReplaced(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		running bool
		objects func(*Cluster) []runtime.Object
	}{
		"its node was ready":    {true, healthyObjects},
		"its node was not":      {true, nil},
		"its node was stopped":  {false, nil},
		"its mark was in place": {false, healthyObjects},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: []container{node(ownMount, test.running)}}
			c := newCluster(t, docker, &fakeKind{})
			if test.objects != nil {
				c = newCluster(t, docker, &fakeKind{}, test.objects(c)...)
			}
			created := errors.New("created anew")
			c.provider = newProvider(&fakeKind{create: func() error { return created }})
			if err := c.markCreating(); err != nil {
				t.Fatal(err)
			}
			if err := c.Ensure(t.Context(), event.Discard); !errors.Is(err, created) {
				t.Errorf("got %v", err)
			}
			if changes := docker.changed(); len(changes) == 0 || changes[0] != "rm" {
				t.Errorf("changed %v", changes)
			}
		})
	}
}

// creatable is a cluster that is absent and, once it has nodes, all there but
// for its marker.
func newAbsentCluster(t *testing.T) (*Cluster, *fakeDocker) {
	t.Helper()
	docker := &fakeDocker{}
	c := newCluster(t, docker, &fakeKind{})
	c = newCluster(t, docker, &fakeKind{}, healthyObjects(c)[1:]...)
	c.now = func() time.Time { return startTime }
	return c, docker
}

func TestOnlyACreateThatEndedIsComplete(t *testing.T) {
	t.Parallel()
	c, docker := newAbsentCluster(t)
	begunMeanwhile := false
	c.provider = newProvider(&fakeKind{create: func() error {
		docker.add(node(ownMount, true))
		begunMeanwhile = c.isCreating()
		return nil
	}})
	if err := c.Ensure(t.Context(), event.Discard); err != nil {
		t.Fatal(err)
	}
	if !begunMeanwhile || c.isCreating() {
		t.Errorf("begun while kind worked: %t, and afterwards: %t", begunMeanwhile, c.isCreating())
	}
	if status, err := c.Observe(t.Context()); err != nil || status.Phase != Running {
		t.Errorf("got %+v, %v", status, err)
	}
}

// What may begin before the cluster is whole begins at these.
func TestACreateTellsItsMilestones(t *testing.T) {
	t.Parallel()
	c, docker := newAbsentCluster(t)
	nodesUp := make(chan struct{})
	c.provider = func(r event.Reporter) provider {
		return &fakeKind{create: func() error {
			docker.add(node(ownMount, true))
			says := logger{r}.V(0).Info
			says(" • Preparing nodes 📦  ...\n")
			says(" ✓ Preparing nodes 📦\n")
			<-nodesUp
			says(" • Starting control-plane 🕹️ ...\n")
			says(" ✓ Starting control-plane 🕹️\n")
			return nil
		}}
	}
	var seen []string
	if err := c.Ensure(t.Context(), event.ReporterFunc(func(e event.Event) {
		seen = append(seen, e.Message+e.Milestone)
		if e.Milestone == NodesRunning {
			close(nodesUp)
		}
		if e.Milestone == APIReady && c.isCreating() {
			t.Error("the API is told to be up before the cluster has its mark")
		}
	})); err != nil {
		t.Fatal(err)
	}
	want := "Preparing nodes; nodes; Starting control-plane; api; waiting for the node; cluster created"
	if got := strings.Join(seen, "; "); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestAForeignClusterIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*Cluster, context.Context) error{
		"by Preflight": func(c *Cluster, ctx context.Context) error { return c.Preflight(ctx, event.Discard) },
		"by Ensure":    func(c *Cluster, ctx context.Context) error { return c.Ensure(ctx, event.Discard) },
		"by Delete":    func(c *Cluster, ctx context.Context) error { return c.Delete(ctx, true, event.Discard) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: []container{node("/somewhere", true)}}
			c := newCluster(t, docker, &fakeKind{})
			if err := do(c, t.Context()); fault.ClassOf(err) != fault.NotOwned {
				t.Errorf("got %v", err)
			}
			if changes := docker.changed(); len(changes) > 0 {
				t.Errorf("changed %v", changes)
			}
			if _, err := os.Stat(c.Kubeconfig()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEnsureStartsAStoppedClusterAndRecreatesNothing(t *testing.T) {
	t.Parallel()
	docker := &fakeDocker{containers: []container{node(ownMount, false)}}
	provider := &fakeKind{create: func() error { return errors.New("created anew") }}
	c := newCluster(t, docker, provider)
	c = newCluster(t, docker, provider, healthyObjects(c)...)
	var events []event.Event
	if err := c.Ensure(t.Context(), collect(&events)); err != nil {
		t.Fatal(err)
	}
	if changes := docker.changed(); strings.Join(changes, " ") != "start exec" {
		t.Errorf("changed %v", changes)
	}
	if last := events[len(events)-1]; last.Mutations != 1 || !strings.Contains(last.Message, "started, with its data") {
		t.Errorf("events %s", messages(events))
	}
}

func TestARestartedClusterIsReadyOnlyByWhatIsOfThePresent(t *testing.T) {
	t.Parallel()
	docker := &fakeDocker{containers: []container{node(ownMount, true)}}
	base := newCluster(t, docker, &fakeKind{})
	for name, test := range map[string]struct {
		pod   *corev1.Pod
		since time.Time
		want  string
	}{
		"all is of the present":                 {podRunningSince(startTime.Add(time.Second)), startTime, ""},
		"a pod that ran before the restart":     {podRunningSince(startTime.Add(-time.Hour)), startTime, "pod shop/postgres-0 has not been restarted yet"},
		"a kubelet silent since before restart": {podRunningSince(startTime.Add(time.Hour)), startTime.Add(time.Minute), "the kubelet of node shop-dev-control-plane has not reported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, docker, &fakeKind{}, append(healthyObjects(base), test.pod)...)
			client, err := c.Client()
			if err != nil {
				t.Fatal(err)
			}
			if _, got := checkReady(t.Context(), client, test.since); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestACanceledCreateLeavesNoNodeAndReturnsAfterKind(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	docker := &fakeDocker{}
	returned := false
	provider := &fakeKind{create: func() error {
		docker.add(node(ownMount, true))
		cancel()
		for len(docker.changed()) == 0 { // as kind does when its node is gone
			time.Sleep(time.Millisecond)
		}
		docker.add(node(ownMount, true)) // a node that kind was about to create
		returned = true
		return errors.New("no such container")
	}}
	c := newCluster(t, docker, provider)
	if err := c.Ensure(ctx, event.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(docker.containers) > 0 || !returned {
		t.Errorf("left %d containers, kind returned: %t", len(docker.containers), returned)
	}
}

func TestACreateThatIsCanceledAfterKindOrWithItLeavesNoNode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   error // what its create ends with
		inKind bool  // canceled before kind has ended
	}{
		"while the nodes are waited for":           {},
		"by a signal that kind's command got, too": {kind: errors.New("signal: interrupt"), inKind: true},
		"as kind ends well":                        {inKind: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			docker := &fakeDocker{}
			c := newCluster(t, docker, &fakeKind{create: func() error {
				docker.add(node(ownMount, true))
				if test.inKind {
					cancel()
				}
				return test.kind
			}})
			connect := c.client
			c.client = func(config *rest.Config) (kubernetes.Interface, error) {
				cancel()
				return connect(config)
			}
			if err := c.Ensure(ctx, event.Discard); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if len(docker.containers) > 0 {
				t.Errorf("left %d containers", len(docker.containers))
			}
		})
	}
}

func TestAFailedCreateKeepsTheLogsAndRemovesTheNodes(t *testing.T) {
	t.Parallel()
	docker := &fakeDocker{}
	provider := &fakeKind{create: func() error {
		docker.add(node(ownMount, true))
		return errors.New("kubeadm init failed")
	}}
	c := newCluster(t, docker, provider)
	err := c.Ensure(t.Context(), event.Discard)
	if fault.ClassOf(err) != fault.Cluster || !strings.Contains(err.Error(), "kubeadm init failed") {
		t.Errorf("got %v", err)
	}
	if c.FailedCreateLogs() != provider.logsDir {
		t.Errorf("kept %q", c.FailedCreateLogs())
	}
	if !strings.Contains(fault.HintOf(err), provider.logsDir) || provider.logsDir == "" || len(docker.containers) > 0 {
		t.Errorf("hint %q, logs in %q, %d containers left", fault.HintOf(err), provider.logsDir, len(docker.containers))
	}
}

func TestATakenPortFailsBeforeAnythingIsCreated(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	c := newCluster(t, &fakeDocker{}, &fakeKind{create: func() error { return errors.New("created") }})
	c.Ports = []Port{{int32(port), 30400}}
	err = c.Ensure(t.Context(), event.Discard)
	if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), fmt.Sprintf("port %d of this machine is taken", port)) {
		t.Errorf("got %v", err)
	}
}

func TestDeleteKeepsTheDataUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	for _, volumes := range []bool{false, true} {
		t.Run(fmt.Sprintf("volumes %t", volumes), func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: []container{node(ownMount, true)}, network: true}
			c := newCluster(t, docker, &fakeKind{})
			data := filepath.Join(c.volumesDir(), "shop", "data-postgres-0")
			if err := os.MkdirAll(data, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := c.Delete(t.Context(), volumes, event.Discard); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(data); (err == nil) == volumes {
				t.Errorf("data there: %t", err == nil)
			}
			if _, err := os.Stat(c.Kubeconfig()); err == nil {
				t.Error("the kubeconfig of a cluster that is gone is left")
			}
			if len(docker.containers) > 0 || docker.network {
				t.Errorf("left %d containers, network %t", len(docker.containers), docker.network)
			}
		})
	}
}

func TestSecretsOutliveTheClusterWithItsVolumes(t *testing.T) {
	t.Parallel()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop", UID: "1", ResourceVersion: "9", Labels: map[string]string{"tkdeploy.dev/keep": "true"}},
		Data:       map[string][]byte{"PASSWORD": []byte("s3cret")},
	}
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "helm", Namespace: "shop"}}
	old := newCluster(t, &fakeDocker{}, &fakeKind{}, secret, other)
	if err := old.BackupSecrets(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(old.secretPath("shop", "db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info, err)
	}
	renewed := newCluster(t, &fakeDocker{}, &fakeKind{})
	renewed.StateDir = old.StateDir
	if err := renewed.RestoreSecrets(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	client, err := renewed.Client()
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.CoreV1().Secrets("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || string(list.Items[0].Data["PASSWORD"]) != "s3cret" || list.Items[0].UID != "" {
		t.Errorf("restored %v, %v", list.Items, err)
	}
}

func TestADamagedKeptSecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &fakeDocker{}, &fakeKind{})
	if err := writePrivate(c.secretPath("shop", "db"), []byte(`{"data": s3cret`)); err != nil {
		t.Fatal(err)
	}
	err := c.RestoreSecrets(t.Context(), "shop")
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "kept Secret db is damaged") {
		t.Errorf("got %v", err)
	}
}

func TestAKubeconfigThatPointsElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &fakeDocker{}, &fakeKind{})
	if err := writePrivate(c.Kubeconfig(), []byte(strings.ReplaceAll(kubeconfigText, "127.0.0.1", "203.0.113.7"))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RESTConfig(); fault.ClassOf(err) != fault.NotOwned {
		t.Errorf("got %v", err)
	}
}

func TestKindsStepsBecomeProgress(t *testing.T) {
	t.Parallel()
	var events []event.Event
	l := logger{collect(&events)}
	l.V(0).Infof(" • %s  ...\n", "Starting control-plane 🕹️")
	l.V(0).Info(" ✓ Starting control-plane 🕹️")
	l.V(1).Info(" • debug")
	l.Warn("cgroup v1 is deprecated in Kubernetes")
	if got := messages(events); got != "Starting control-plane" {
		t.Errorf("got %q", got)
	}
}

func podRunningSince(since time.Time) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "postgres-0", Namespace: "shop"},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)}},
		}}},
	}
}
