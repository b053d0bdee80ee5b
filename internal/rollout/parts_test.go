package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

func TestClockSkew_clusterTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	tests := []struct {
		name string
		seen []time.Duration // how old new objects looked on arrival
		want time.Duration
	}{
		{"nothing seen", nil, 0},
		{"the usual delay", []time.Duration{900 * time.Millisecond, 2 * time.Second}, 0},
		{"a cluster five minutes behind", []time.Duration{302 * time.Second, 300 * time.Second}, -300 * time.Second},
		{"a cluster five minutes ahead", []time.Duration{-299 * time.Second, -300 * time.Second}, 300 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var s clockSkew
			for _, d := range test.seen {
				s.observe(now.Add(-d), now)
			}
			if got := s.clusterTime(now).Sub(now); got != test.want {
				t.Errorf("corrected by %s, want %s", got, test.want)
			}
		})
	}
}

func TestLastLines(t *testing.T) {
	t.Parallel()
	t.Run("removes terminal control sequences", func(t *testing.T) {
		t.Parallel()
		text := "one\ntwo\x1b[31m red\x1b[0m\tand\a bell\r\n" + strings.Repeat("é", 40) + "\n\n"
		want := []string{"two red and bell", strings.Repeat("é", 30) + "…"}
		if got := lastLines(text, 2, 30); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := lastLines("\n", 2, 30); got != nil {
			t.Errorf("an empty log gives %q", got)
		}
	})
}

func TestFailure_Error(t *testing.T) {
	t.Parallel()
	pull := health.Cause{Reason: health.ImagePull, Object: web, Container: "web", Message: "cannot pull image web:1: it does not exist", Hint: "Build it."}
	tests := []struct {
		name    string
		failure Failure
		text    string
		class   fault.Class
	}{
		{"early", Failure{Causes: []health.Cause{pull}}, "web: container web: cannot pull image web:1: it does not exist", fault.Unhealthy},
		{"with more causes", Failure{Causes: []health.Cause{pull, pull, pull}}, "web: container web: cannot pull image web:1: it does not exist (and 2 more causes)", fault.Unhealthy},
		{"at the deadline", Failure{Causes: []health.Cause{pull}, Expired: true, Elapsed: time.Minute}, "not ready after 1m0s: web: container web: cannot pull image web:1: it does not exist", fault.Unhealthy},
		{"with nothing known", Failure{Causes: []health.Cause{{Reason: health.Starting, Object: web, Message: "still starting: 0 of 1 ready"}}, Expired: true, Elapsed: time.Minute}, "not ready after 1m0s: web: still starting: 0 of 1 ready", fault.Inconclusive},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.failure.fault()
			if err.Error() != test.text {
				t.Errorf("text %q, want %q", err, test.text)
			}
			if got := fault.ClassOf(err); got != test.class {
				t.Errorf("class %s, want %s", got, test.class)
			}
			if got := fault.HintOf(err); got != test.failure.Causes[0].Hint {
				t.Errorf("hint %q", got)
			}
		})
	}
}

func TestItemNames(t *testing.T) {
	t.Parallel()
	names := itemNames([]health.Object{web, object(health.StatefulSet, "shop", "web"), object(health.StatefulSet, "shop", "db")})
	if names[web] != "Deployment shop/web" || names[object(health.StatefulSet, "shop", "db")] != "db" {
		t.Errorf("names: %v", names)
	}
}
