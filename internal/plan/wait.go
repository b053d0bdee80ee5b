package plan

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// await blocks until the stages have succeeded or reached the milestone that s
// needs. It returns the first that did not, or "".
func (r *run) await(s Stage, ids []string) string {
	for _, id := range r.plan.planned(ids) {
		select {
		case <-r.finished[id]:
			if !r.succeeded(id) {
				return id
			}
		case <-r.milestone(s, id):
		}
	}
	return ""
}

// milestone returns the channel of the milestone that s needs, or nil if s needs
// the whole stage.
func (r *run) milestone(s Stage, id string) <-chan struct{} {
	for _, m := range s.AfterMilestones {
		if m.Stage == id {
			return r.reached[m]
		}
	}
	return nil
}

func (r *run) succeeded(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.outcomes[id] == event.Done || r.outcomes[id] == event.Unchanged
}

// performUnlessBroken cancels s if a stage fails whose milestone s started from.
func (r *run) performUnlessBroken(ctx context.Context, s Stage) result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, m := range s.AfterMilestones {
		go func() {
			select {
			case <-r.finished[m.Stage]: // nil, so never ready, if the stage is not planned
				if !r.succeeded(m.Stage) {
					cancel()
				}
			case <-ctx.Done():
			}
		}()
	}
	return r.perform(ctx, s)
}

// brokenMilestone waits for the stages whose milestones s started from, and
// returns the first that failed. It returns "" if err is nil.
func (r *run) brokenMilestone(s Stage, err error) string {
	if err == nil {
		return ""
	}
	for _, m := range s.AfterMilestones {
		if finished, planned := r.finished[m.Stage]; planned {
			if <-finished; !r.succeeded(m.Stage) {
				return m.Stage
			}
		}
	}
	return ""
}

// reach unblocks waiting stages. It may be called repeatedly.
func (r *run) reach(m Milestone) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reached, awaited := r.reached[m]
	if !awaited {
		return
	}
	select {
	case <-reached:
	default:
		close(reached)
	}
}
