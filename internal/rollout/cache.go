package rollout

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"tkdeploy.dev/tkdeploy/internal/health"
)

// A cache keeps what the sources said last. One goroutine uses it.
type cache struct {
	entries []*cacheEntry
	skew    clockSkew
}

// cacheEntry is what one source said.
type cacheEntry struct {
	source       listWatch
	objects      map[string]runtime.Object // by namespace/name
	synced       bool                      // at least once
	denied       bool                      // access refused, and it is not required
	lastResponse time.Time                 // when it last answered
	err          error                     // why it does not answer; nil if it does
}

func newCache(sources []listWatch, now time.Time) *cache {
	c := &cache{}
	for _, src := range sources {
		c.entries = append(c.entries, &cacheEntry{source: src, lastResponse: now})
	}
	return c
}

// take puts an update into the store.
func (c *cache) apply(u update, now time.Time) {
	e := c.entries[u.source]
	if u.err != nil {
		e.err = u.err
		e.denied = isDenied(u.err) && !e.source.required
		return
	}
	e.lastResponse, e.err = now, nil
	if u.change == nil {
		e.synced, e.objects = true, map[string]runtime.Object{}
		for _, o := range u.all {
			e.put(o)
		}
		return
	}
	switch u.change.Type {
	case watch.Added, watch.Modified:
		e.put(u.change.Object)
		if o, ok := u.change.Object.(metav1.Object); ok && u.change.Type == watch.Added {
			c.skew.observe(o.GetCreationTimestamp().Time, now)
		}
	case watch.Deleted:
		delete(e.objects, key(u.change.Object))
	}
}

func (e *cacheEntry) put(o runtime.Object) { e.objects[key(o)] = o }

func key(o runtime.Object) string {
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return m.GetNamespace() + "/" + m.GetName()
}

// complete reports whether every source has been synced once, but for those
// that may be missing.
func (c *cache) hasSynced() bool {
	return !slices.ContainsFunc(c.entries, func(e *cacheEntry) bool { return !e.synced && !e.denied })
}

// silent is the source that has not answered for longest, or nil if all do.
func (c *cache) unavailable() *cacheEntry {
	var worst *cacheEntry
	for _, e := range c.entries {
		if e.err != nil && !e.denied && (worst == nil || e.lastResponse.Before(worst.lastResponse)) {
			worst = e
		}
	}
	return worst
}

// snapshot is what the sources said about the objects, in a stable order.
func (c *cache) snapshot(objects []health.Object) health.Snapshot {
	snap := health.Snapshot{Objects: objects}
	for _, e := range c.entries {
		for _, o := range e.objects {
			snap.Add(o)
		}
	}
	snap.Sort()
	return snap
}
