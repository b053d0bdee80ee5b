package plan

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// await blocks until the stages have succeeded or reached the milestone that s
// waits for. It returns the first stage that did not succeed, or "".
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

// milestone returns the channel that is closed when the stage id reaches the
// milestone that s waits for, or nil if s waits for the whole stage.
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

// performUnlessBroken performs s and cancels it if a stage fails whose milestone
// s started from.
func (r *run) performUnlessBroken(ctx context.Context, s Stage) result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, m := range s.AfterMilestones {
		go func() {
			select {
			case <-r.finished[m.Stage]: // nil, so never ready, if the stage is not part of the plan
				if !r.succeeded(m.Stage) {
					cancel()
				}
			case <-ctx.Done():
			}
		}()
	}
	return r.perform(ctx, s)
}

// brokenMilestone returns the first stage that failed after s started from its
// milestone, or "" if err is nil. It waits until these stages are finished.
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

// reach unblocks the stages that wait for the milestone. It is safe to call more
// than once.
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
