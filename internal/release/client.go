package release

import (
	"cmp"
	"fmt"
	"sync/atomic"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
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
	Grace         time.Duration    // for a Helm call to end after cancellation; default 25 s: with the rest of the way out, a run ends within 30
	NamespaceWait time.Duration    // for a terminating namespace to go; default 60 s
	NamespacePoll time.Duration    // how often it is looked at; default 500 ms

	User, Host string // who writes revisions, and where; noted in their labels; may be empty
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
		helm: newHelm(get, clientset, t.Namespace, o, log),
		kube: clientset, live: live, mapper: get.mapper,
		gate: g, log: log, writes: writes,
	}, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.HookTimeout = cmp.Or(o.HookTimeout, 5*time.Minute)
	o.Grace = cmp.Or(o.Grace, 25*time.Second)
	o.NamespaceWait = cmp.Or(o.NamespaceWait, time.Minute)
	o.NamespacePoll = cmp.Or(o.NamespacePoll, 500*time.Millisecond)
	return o
}

// desired is d as far as it is this Client's to say.
func (c *Client) desired(d Desired) Desired {
	d.Name, d.Namespace = c.name, c.namespace
	return d
}

func (c *Client) String() string { return c.namespace + "/" + c.name }
