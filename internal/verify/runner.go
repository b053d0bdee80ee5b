package verify

import (
	"context"
	"math"
	"time"

	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// A Runner runs checks in a pod of the cluster. Client, Namespace and Image
// must be set. One Runner may run for a release in a namespace at a time: it
// removes the pods of earlier runs.
type Runner struct {
	Client    kubernetes.Interface
	Namespace string
	Release   string // the pod's label tkdeploy.dev/release; may be empty
	Image     string // its entrypoint, with Args, must call Probe
	Args      []string
	Kubectl   string // how hints begin, with the kubeconfig if need be; empty is "kubectl"

	StartWithin time.Duration // from the pod's creation to its first process, a pull included; 0 is 60 s
	Patience    time.Duration // with an API server that does not answer; 0 is 120 s
	Silence     time.Duration // of a watch or a log, after which it is opened anew; 0 is 20 s
	Pause       time.Duration // before a failed request is repeated; 0 is 200 ms

	// Suffix gives the pod's name its last part; nil is random.
	Suffix func() string
}

// Run asks the checks in a pod and reports each with an event of kind
// ItemFinished as its answer arrives. It returns the results in the order of
// the checks; checks without an answer have none. The pod is deleted in any
// case, also if ctx ends.
//
// Errors: of class Smoke with a [*Failure] in the chain if a check failed; of
// class Smoke if the pod cannot run, with the reason; of class Undecided if the
// time was up or the API server stayed away.
func (r *Runner) Run(ctx context.Context, checks []Check, reporter event.Reporter) ([]Result, error) {
	if len(checks) == 0 {
		return nil, nil
	}
	run := &run{Runner: r.withDefaults(), reporter: reporter, checks: checks, results: map[string]Result{}}
	pod, err := run.newPod(checks)
	if err != nil {
		return nil, err
	}
	if err := run.sweep(ctx); err != nil {
		return nil, err
	}
	defer run.remove(ctx, pod)
	pod, err = run.create(ctx, pod)
	if err != nil {
		return nil, err
	}
	if err := run.awaitStart(ctx, pod); err != nil {
		return nil, err
	}
	if err := run.collect(ctx, pod.Name); err != nil {
		return run.ordered(), err
	}
	return run.ordered(), run.verdict()
}

func (r *Runner) withDefaults() Runner {
	d := *r
	setDefault := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	setDefault(&d.StartWithin, 60*time.Second)
	setDefault(&d.Patience, 120*time.Second)
	setDefault(&d.Silence, 20*time.Second)
	setDefault(&d.Pause, 200*time.Millisecond)
	if d.Kubectl == "" {
		d.Kubectl = "kubectl"
	}
	if d.Args == nil {
		d.Args = []string{"probe"}
	}
	if d.Suffix == nil {
		d.Suffix = randomSuffix
	}
	return d
}

// A run is one call of Run.
type run struct {
	Runner
	reporter event.Reporter
	checks   []Check
	results  map[string]Result // by ID
}

// ordered gives the results in the order of the checks.
func (r *run) ordered() []Result {
	var results []Result
	for _, c := range r.checks {
		if result, ok := r.results[c.ID]; ok {
			results = append(results, result)
		}
	}
	return results
}

// atMost is the longest time that the probe can take: its longest chain of
// needs with every try late, as many times as atOnce fits into the checks.
func atMost(checks []Check) time.Duration {
	took := map[string]time.Duration{}
	var longest time.Duration
	for _, c := range checks {
		for _, need := range c.Needs {
			took[c.ID] = max(took[c.ID], took[need])
		}
		took[c.ID] += c.within() + c.timeout()
		longest = max(longest, took[c.ID])
	}
	return longest * time.Duration(math.Ceil(float64(len(checks))/atOnce))
}
