package rollout

import (
	"testing"
	"time"
)

func TestClockSkew_clusterTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	tests := []struct {
		name string
		seen []time.Duration // ages of new objects
		want time.Duration
	}{
		{"no new object", nil, 0},
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
				t.Errorf("got correction %s, want %s", got, test.want)
			}
		})
	}
}
