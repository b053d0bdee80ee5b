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

// cache holds the latest objects. It is not safe for concurrent use.
type cache struct {
	entries []*cacheEntry
	skew    clockSkew
}

type cacheEntry struct {
	source       listWatch
	objects      map[string]runtime.Object // by namespace/name
	synced       bool                      // listed at least once
	denied       bool                      // and not required
	lastResponse time.Time
	err          error // of the last request
}

func newCache(sources []listWatch, now time.Time) *cache {
	c := &cache{}
	for _, src := range sources {
		c.entries = append(c.entries, &cacheEntry{source: src, lastResponse: now})
	}
	return c
}

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

// hasSynced reports whether every accessible source was listed.
func (c *cache) hasSynced() bool {
	return !slices.ContainsFunc(c.entries, func(e *cacheEntry) bool { return !e.synced && !e.denied })
}

// unavailable returns the source that has failed for longest, or nil.
func (c *cache) unavailable() *cacheEntry {
	var longest *cacheEntry
	for _, e := range c.entries {
		if e.err != nil && !e.denied && (longest == nil || e.lastResponse.Before(longest.lastResponse)) {
			longest = e
		}
	}
	return longest
}

func (c *cache) snapshot(objects []health.Object) health.Snapshot {
	snap := health.Snapshot{Objects: objects, HasStatus: c.statusKinds()}
	for _, e := range c.entries {
		for _, o := range e.objects {
			snap.Add(o)
		}
	}
	snap.Sort()
	return snap
}

// statusKinds returns the kinds of custom resources that have a status.
func (c *cache) statusKinds() map[health.Kind]bool {
	kinds := map[health.Kind]bool{}
	for _, e := range c.entries {
		if k := e.source.custom; k != nil {
			_, hasStatus := k.found()
			kinds[k.kind] = kinds[k.kind] || hasStatus
		}
	}
	return kinds
}
