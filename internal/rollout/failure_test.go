package rollout

import (
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

func TestFailure_Error(t *testing.T) {
	t.Parallel()
	pull := health.Cause{Reason: health.ImagePull, Object: web, Container: "web", Message: "cannot pull image web:1: not found", Hint: "Build it."}
	tests := []struct {
		name    string
		failure Failure
		text    string
		class   fault.Class
	}{
		{"before the timeout", Failure{Causes: []health.Cause{pull}}, "web: container web: cannot pull image web:1: not found", fault.Unhealthy},
		{"with more causes", Failure{Causes: []health.Cause{pull, pull, pull}}, "web: container web: cannot pull image web:1: not found (and 2 more causes)", fault.Unhealthy},
		{"at the timeout", Failure{Causes: []health.Cause{pull}, Expired: true, Elapsed: time.Minute}, "not ready after 1m0s: web: container web: cannot pull image web:1: not found", fault.Unhealthy},
		{"without a known problem", Failure{Causes: []health.Cause{{Reason: health.Starting, Object: web, Message: "still starting: 0 of 1 ready"}}, Expired: true, Elapsed: time.Minute}, "not ready after 1m0s: web: still starting: 0 of 1 ready", fault.Inconclusive},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.failure.fault()
			if err.Error() != test.text {
				t.Errorf("got text %q, want %q", err, test.text)
			}
			if got := fault.ClassOf(err); got != test.class {
				t.Errorf("got class %s, want %s", got, test.class)
			}
			if got := fault.HintOf(err); got != test.failure.Causes[0].Hint {
				t.Errorf("got hint %q, want %q", got, test.failure.Causes[0].Hint)
			}
		})
	}
}
