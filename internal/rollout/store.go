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

// A store keeps what the sources said last. One goroutine uses it.
type store struct {
	kept []*kept
	lag  lag
}

// kept is what one source said.
type kept struct {
	source
	objects map[string]runtime.Object // by namespace/name
	listed  bool                      // at least once
	dropped bool                      // access refused, and it is not required
	contact time.Time                 // when it last answered
	err     error                     // why it does not answer; nil if it does
}

func newStore(sources []source, now time.Time) *store {
	s := &store{}
	for _, src := range sources {
		s.kept = append(s.kept, &kept{source: src, contact: now})
	}
	return s
}

// take puts an update into the store.
func (s *store) take(u update, now time.Time) {
	k := s.kept[u.source]
	if u.err != nil {
		k.err = u.err
		k.dropped = refused(u.err) && !k.required
		return
	}
	k.contact, k.err = now, nil
	if u.change == nil {
		k.listed, k.objects = true, map[string]runtime.Object{}
		for _, o := range u.all {
			k.put(o)
		}
		return
	}
	switch u.change.Type {
	case watch.Added, watch.Modified:
		k.put(u.change.Object)
		if o, ok := u.change.Object.(metav1.Object); ok && u.change.Type == watch.Added {
			s.lag.see(o.GetCreationTimestamp().Time, now)
		}
	case watch.Deleted:
		delete(k.objects, key(u.change.Object))
	}
}

func (k *kept) put(o runtime.Object) { k.objects[key(o)] = o }

func key(o runtime.Object) string {
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return m.GetNamespace() + "/" + m.GetName()
}

// complete reports whether every source has been listed once, but for those
// that may be missing.
func (s *store) complete() bool {
	return !slices.ContainsFunc(s.kept, func(k *kept) bool { return !k.listed && !k.dropped })
}

// silent is the source that has not answered for longest, or nil if all do.
func (s *store) silent() *kept {
	var worst *kept
	for _, k := range s.kept {
		if k.err != nil && !k.dropped && (worst == nil || k.contact.Before(worst.contact)) {
			worst = k
		}
	}
	return worst
}

// snapshot is what the sources said about the objects, in a stable order.
func (s *store) snapshot(objects []health.Object) health.Snapshot {
	snap := health.Snapshot{Objects: objects}
	for _, k := range s.kept {
		for _, o := range k.objects {
			snap.Add(o)
		}
	}
	snap.Sort()
	return snap
}
