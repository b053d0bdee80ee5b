package verify

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
)

// Options configures a [Runner]. Client, Namespace and Image are required, and
// Objects if there are hooks.
type Options struct {
	Client    kubernetes.Interface
	Objects   dynamic.Interface // for hooks of any kind
	Namespace string
	Release   string   // the pod's label tkdeploy.dev/release; optional
	Image     string   // its entrypoint, called with Args, must run the probe
	Args      []string // default "probe"
	Kubectl   string   // the command at the start of hints; default "kubectl"

	PodsReplacedAt time.Time // when pods of the app were last replaced; zero if long ago

	StartTimeout  time.Duration // from the creation of a pod to its first process, including the pull; default 60 s
	APITimeout    time.Duration // without a response from the API server; default 120 s
	IdleTimeout   time.Duration // without data; then a watch or log is reopened; default 20 s
	RetryInterval time.Duration // between attempts of a request; default 200 ms
	DrainTimeout  time.Duration // for Services to drop a replaced pod; default 1 s
	DNSTimeout    time.Duration // for the cluster DNS before hooks run; default 10 s

	Exit   hooks.ExitCodeFunc  // optional, see [hooks.Runner]
	Redact func(string) string // masks secrets in messages from the cluster; optional
	Suffix func() string       // returns the last part of the pod name; default random
}

// Runner runs checks in a pod of the cluster, and test hooks. Use one Runner for a
// release at a time, because it deletes the pods of earlier runs.
type Runner struct {
	options Options // with defaults
	pods    *pods.Client
}

// New returns a Runner and sets defaults for missing options.
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
