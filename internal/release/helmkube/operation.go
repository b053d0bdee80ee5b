package helmkube

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/redact"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Extent is how many objects of a release an action has written, without hooks.
type Extent string

// The extents.
const (
	None Extent = ""
	Some Extent = "some"
	All  Extent = "all"
)

// Operation is one action of Helm.
type Operation struct {
	action  Action
	context func(timeout time.Duration) (context.Context, context.CancelFunc)
	cancel  context.CancelFunc
	undo    []string

	mu        sync.Mutex
	report    event.Reporter // nil after the end
	secrets   []redact.Entry
	manifests []string
	redactor  chart.Redactor
	extent    Extent
	objects   []unstructured.Unstructured // of the release, once all are applied
	failure   *HookError
	hooks     []string
}

// Action is an action of Helm, as in the names of its hooks.
type Action string

// The actions.
const (
	Install   Action = "install"
	Upgrade   Action = "upgrade"
	Rollback  Action = "rollback"
	Uninstall Action = "delete"
)

// Begin starts an operation. The contents of Secrets in manifests are redacted. End must
// be called.
//
// Hooks are watched until End, even if ctx is canceled: Helm's action goes on until its
// caller gives up.
func (c *Client) Begin(ctx context.Context, action Action, report event.Reporter, manifests ...string) *Operation {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	op := &Operation{action: action, cancel: cancel, report: report, secrets: c.Secrets, manifests: manifests, redactor: chart.NewRedactorWith(slices.Clone(c.Secrets), manifests...)}
	op.context = func(timeout time.Duration) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, timeout)
	}
	c.op.Store(op)
	return op
}

// Undo lets the update also remove the fields that manifests set: those of revisions that
// failed and have changed objects.
func (o *Operation) Undo(manifests ...string) { o.undo = manifests }

// End ends the operation. Events of an action that is still running are dropped.
func (o *Operation) End() {
	o.cancel()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.report = nil
}

// Extent returns how many objects the action has written.
func (o *Operation) Extent() Extent {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.extent
}

func (o *Operation) applied(e Extent, objects kube.ResourceList) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.extent, o.objects = e, contents(objects)
}

func (o *Operation) appliedObjects() []unstructured.Unstructured {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.objects
}

// Err returns the error of the hook that failed, which Helm formats as text, or err.
func (o *Operation) Err(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil && o.failure != nil {
		return o.failure
	}
	return err
}

// learnSecrets redacts the Secrets of a manifest from now on: generated values differ
// from those of the dry run.
func (o *Operation) learnSecrets(manifest string) {
	if !strings.Contains(manifest, "Secret") {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.manifests = append(o.manifests, manifest)
	o.redactor = chart.NewRedactorWith(slices.Clone(o.secrets), o.manifests...)
}

func (o *Operation) redact(s string) string {
	o.mu.Lock()
	redactor := o.redactor
	o.mu.Unlock()
	return redactor.Text(s)
}

func (o *Operation) send(e event.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.report != nil {
		o.report.Report(e)
	}
}
