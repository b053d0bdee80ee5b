package verify

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
)

// Options configures a [Runner]. Client, Namespace and Image are required, and
// Objects for hooks.
type Options struct {
	Client    kubernetes.Interface
	Objects   dynamic.Interface
	Namespace string
	Release   string   // value of the label tkdeploy.dev/release; optional
	Image     string   // its entrypoint, called with Args, must run the probe
	Args      []string // default "probe"
	Kubectl   string   // at the start of hints; default "kubectl"

	// Backends are the pods that the chart's Services select. The checks of a Service
	// are skipped if it has no pods because its workloads are scaled to zero, or
	// because the chart does not guarantee any.
	Backends []checks.Backend

	PodsReplacedAt time.Time // last time that pods of the app were replaced

	StartTimeout  time.Duration // from a pod's creation to its first process; default 60 s
	APITimeout    time.Duration // without a response from the API server; default 120 s
	IdleTimeout   time.Duration // of a silent watch or log; default 20 s
	RetryInterval time.Duration // between attempts of a request; default 200 ms
	DrainTimeout  time.Duration // for Services to drop a replaced pod; default 1 s
	DNSTimeout    time.Duration // for the cluster DNS; default 10 s

	Exit   hooks.ExitCodeFunc  // optional, see [hooks.Runner]
	Redact func(string) string // masks secrets in messages; optional
	Suffix func() string       // random part of the pod name; optional
}

// Runner runs checks in a pod, and test hooks. Run only one per release at a
// time: it deletes the pods of earlier runs.
type Runner struct {
	options Options
	pods    *pods.Client
}

// New returns a Runner with defaults for missing options.
func New(options Options) *Runner {
	options.setDefaults()
	return &Runner{options: options, pods: &pods.Client{
		API:           options.Client,
		Kubectl:       options.Kubectl,
		Redact:        options.Redact,
		StartTimeout:  options.StartTimeout,
		APITimeout:    options.APITimeout,
		IdleTimeout:   options.IdleTimeout,
		RetryInterval: options.RetryInterval,
	}}
}

func (o *Options) setDefaults() {
	o.StartTimeout = cmp.Or(o.StartTimeout, 60*time.Second)
	o.APITimeout = cmp.Or(o.APITimeout, 120*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 20*time.Second)
	o.RetryInterval = cmp.Or(o.RetryInterval, 200*time.Millisecond)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, time.Second)
	o.DNSTimeout = cmp.Or(o.DNSTimeout, 10*time.Second)
	o.Kubectl = cmp.Or(o.Kubectl, "kubectl")
	if o.Args == nil {
		o.Args = []string{"probe"}
	}
	if o.Redact == nil {
		o.Redact = func(s string) string { return s }
	}
	if o.Suffix == nil {
		o.Suffix = func() string { return rand.String(5) }
	}
}
