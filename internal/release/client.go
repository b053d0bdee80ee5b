package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A Target says where a release is.
type Target struct {
	Config    *rest.Config // of the cluster; it is copied
	Namespace string
	Name      string
}

// Options tune a Client. The zero value has the defaults.
type Options struct {
	Now           func() time.Time // default time.Now
	HookTimeout   time.Duration    // for each of the chart's hooks; default 5 min
	Grace         time.Duration    // for a Helm call to end after cancellation; default 30 s
	NamespaceWait time.Duration    // for a terminating namespace to go; default 60 s
	NamespacePoll time.Duration    // how often it is looked at; default 500 ms
}

// A Client observes and changes one release. Its methods are not to be called
// at the same time. After a method returned because its context ended, the
// Client may refuse all further work.
type Client struct {
	name      string
	namespace string
	opts      Options

	helm   *action.Configuration
	kube   kubernetes.Interface
	live   dynamic.Interface
	mapper meta.RESTMapper
	gate   *gate
	log    *helmLog
	writes *atomic.Int64 // of Helm to objects, records of the release not counted
}

// Open makes a Client. It sends no request.
func Open(t Target, o Options) (*Client, error) {
	config := rest.CopyConfig(t.Config)
	config.QPS = -1 // no client-side rate limit: the API server has its own
	config.WarningHandler = rest.NoWarnings{}
	g, writes := newGate(), &atomic.Int64{}
	plain := g.through(config)
	clientset, err := kubernetes.NewForConfig(plain)
	if err != nil {
		return nil, fmt.Errorf("open release %s/%s: %w", t.Namespace, t.Name, err)
	}
	live, err := dynamic.NewForConfig(plain)
	if err != nil {
		return nil, fmt.Errorf("open release %s/%s: %w", t.Namespace, t.Name, err)
	}
	get, err := newGetter(counting(plain, writes), t.Namespace)
	if err != nil {
		return nil, fmt.Errorf("open release %s/%s: %w", t.Namespace, t.Name, err)
	}
	log := &helmLog{}
	return &Client{
		name: t.Name, namespace: t.Namespace, opts: o.withDefaults(),
		helm: newHelm(get, clientset, t.Namespace, log),
		kube: clientset, live: live, mapper: get.mapper,
		gate: g, log: log, writes: writes,
	}, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.HookTimeout = cmp.Or(o.HookTimeout, 5*time.Minute)
	o.Grace = cmp.Or(o.Grace, 30*time.Second)
	o.NamespaceWait = cmp.Or(o.NamespaceWait, time.Minute)
	o.NamespacePoll = cmp.Or(o.NamespacePoll, 500*time.Millisecond)
	return o
}

// newHelm is action.Configuration.Init without its look at the environment,
// and with the records stored by a client of their own.
func newHelm(get *getter, clientset kubernetes.Interface, namespace string, log *helmLog) *action.Configuration {
	helmKube := kube.New(get)
	helmKube.Namespace = namespace
	helmKube.Log = log.printf
	secrets := driver.NewSecrets(clientset.CoreV1().Secrets(namespace))
	secrets.Log = log.printf
	return &action.Configuration{
		RESTClientGetter: get,
		KubeClient:       helmKube,
		Releases:         storage.Init(secrets),
		Log:              log.printf,
	}
}

// run lets a Helm action work, which takes no context. When ctx ends, the
// action has the grace period to finish, so that the release is not left
// half-done; after that its requests are refused and its last words are lost.
// The error is then ctx's.
func (c *Client) run(ctx context.Context, action func() error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- action() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(c.opts.Grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		c.gate.close()
	}
	return context.Cause(ctx)
}

// desired is d as far as it is this Client's to say.
func (c *Client) desired(d Desired) Desired {
	d.Name, d.Namespace = c.name, c.namespace
	return d
}

func (c *Client) String() string { return c.namespace + "/" + c.name }

// failed gives an error the class Apply, unless it has one or is ctx's.
func failed(err error, hint string) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || fault.ClassOf(err) != "" {
		return err
	}
	return fault.New(fault.Apply, err, hint)
}

// keptLines bounds the memory of Helm's log.
const keptLines = 200

// helmLog keeps the last lines that Helm logs. They may hold the contents of
// Secrets: nothing of it is shown without a redactor.
type helmLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *helmLog) printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
	if len(l.lines) > keptLines {
		l.lines = l.lines[len(l.lines)-keptLines:]
	}
}

// drain gives the lines and forgets them.
func (l *helmLog) drain() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}
