package verify

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// A Runner runs checks in a pod of the cluster, and a chart's test hooks.
// Client, Namespace and Image must be set, and Objects if there are hooks. One
// Runner may run for a release in a namespace at a time: it removes the pods of
// earlier runs.
type Runner struct {
	Client    kubernetes.Interface
	Objects   dynamic.Interface // makes the hooks, of whatever kind they are
	Namespace string
	Release   string // the pod's label tkdeploy.dev/release; may be empty
	Image     string // its entrypoint, with Args, must call Probe
	Args      []string
	Kubectl   string // how hints begin, with the kubeconfig if need be; empty is "kubectl"

	PodsReplacedAt time.Time // when pods of the app last were; zero is long ago

	StartTimeout  time.Duration // from the pod's creation to its first process, a pull included; 0 is 60 s
	APITimeout    time.Duration // with an API server that does not answer; 0 is 120 s
	IdleTimeout   time.Duration // of a watch or a log, after which it is opened anew; 0 is 20 s
	RetryInterval time.Duration // before a failed request is repeated; 0 is 200 ms
	DrainTimeout  time.Duration // for Services to leave a pod that was replaced; 0 is 1 s
	DNSTimeout    time.Duration // for the cluster's DNS to come up, before hooks run; 0 is 10 s

	// Exit asks the node's container runtime how a container that is about to end has
	// ended, by the id in its pod's status; ok is false if that is not known. nil asks
	// nobody: the kubelet tells it up to a second later.
	Exit func(ctx context.Context, node, id string) (code int, ok bool)

	// Redact masks secrets in what comes from the cluster; nil masks nothing.
	Redact func(string) string

	// Suffix gives the pod's name its last part; nil is random.
	Suffix func() string
}

// ask has the checks asked by a pod, which is there until leave is called.
func (r *run) ask(ctx context.Context) error {
	if len(r.checks) == 0 {
		return nil
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	pod, err := r.start(ctx)
	if err == nil && unstarted(pod) != "" {
		r.again(r.what, unstarted(pod))
		r.remove(ctx, pod)
		pod, err = r.start(ctx)
	}
	r.pod = pod
	if err != nil {
		return err
	}
	if err := r.collect(ctx, pod.Name); err != nil {
		return err
	}
	return r.verdict()
}

// leave deletes the pod, also if ctx has ended.
func (r *run) leave(ctx context.Context) {
	if r.pod != nil {
		r.remove(ctx, r.pod)
	}
}

// start returns the pod when its process runs or ran; also the one that comes
// with an error is to be removed.
func (r *run) start(ctx context.Context) (*corev1.Pod, error) {
	pod, err := r.newPod(r.checks)
	if err != nil {
		return nil, err
	}
	created, err := r.create(ctx, pod)
	if err != nil {
		return pod, err
	}
	started, err := r.awaitStart(ctx, created)
	if err != nil {
		return pod, err
	}
	return started, nil
}

func (r *Runner) withDefaults() Runner {
	d := *r
	setDefault := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	setDefault(&d.StartTimeout, 60*time.Second)
	setDefault(&d.APITimeout, 120*time.Second)
	setDefault(&d.IdleTimeout, 20*time.Second)
	setDefault(&d.RetryInterval, 200*time.Millisecond)
	setDefault(&d.DrainTimeout, time.Second)
	setDefault(&d.DNSTimeout, 10*time.Second)
	if d.Kubectl == "" {
		d.Kubectl = "kubectl"
	}
	if d.Redact == nil {
		d.Redact = func(s string) string { return s }
	}
	if d.Args == nil {
		d.Args = []string{"probe"}
	}
	if d.Suffix == nil {
		d.Suffix = randomSuffix
	}
	return d
}

// A run is the part of one call of Verify that asks the checks.
type run struct {
	podCase
	checks  []probe.Check
	results map[string]probe.Result // by ID
	pod     *corev1.Pod             // that is to be removed
}

func (r *Runner) newRun(checks []probe.Check, reporter event.Reporter) *run {
	pod := podCase{
		Runner: r.withDefaults(), reporter: reporter,
		what: "the smoke test's pod",
		asks: "10m CPU and 16Mi and may use 500m and 128Mi",
		pull: "load the probe's image into the cluster: tkdeploy up --only load; or set verify.image to one that it can pull",
	}
	return &run{podCase: pod, checks: checks, results: map[string]probe.Result{}}
}

// prepare clears away what an earlier run left, and meanwhile looks for
// something to ask the network plugin.
func (r *run) prepare(ctx context.Context) error {
	var looked sync.WaitGroup
	looked.Go(func() { r.addPolicyCheck(ctx) })
	err := r.sweep(ctx)
	looked.Wait()
	return err
}

// ordered gives the results in the order of the checks.
func (r *run) ordered() []probe.Result {
	var results []probe.Result
	for _, c := range r.checks {
		if result, ok := r.results[c.ID]; ok {
			results = append(results, result)
		}
	}
	return results
}
