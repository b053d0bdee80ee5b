package probe

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// door is the result of connecting from a point in time on.
type door struct {
	from   time.Duration
	result connection
	silent bool // no response until the timeout
}

var (
	open     = door{result: connection{opened: true, received: true}}
	reset    = door{result: connection{refused: true, received: true}}
	rejected = door{result: connection{refused: true}}
	silent   = door{silent: true}
)

func (d door) after(from time.Duration) door { d.from = from; return d }

// connectTo plays a pod with these ports.
func connectTo(start time.Time, doors map[int][]door) func(context.Context, string, int) connection {
	return func(ctx context.Context, _ string, port int) connection {
		var now door
		for _, d := range doors[port] {
			if time.Since(start) >= d.from {
				now = d
			}
		}
		if now.silent {
			<-ctx.Done()
			return connection{}
		}
		sleep(ctx, time.Millisecond)
		return now.result
	}
}

// Row 54 of the fault list.
func TestNetwork_checkPolicies(t *testing.T) {
	t.Parallel()
	const (
		enforced = "enforced (store-0:9093 is blocked for the smoke test)"
		not      = "not enforced by this cluster's network plugin: store-0:9093 responded, although no policy allows it"
		away     = "enforcement unknown: neither store-0:9093 nor port 9092, which the policies allow, responded"
		either   = "enforcement unknown: the pod or the network plugin refused a connection to store-0:9093"
	)
	uncounted := door{result: connection{opened: true}}
	for name, test := range map[string]struct {
		forbidden, allowed []door
		want               string
		within             time.Duration
	}{
		"it is silent, the other answers":              {[]door{silent}, []door{open}, enforced, 1600 * time.Millisecond},
		"it is silent, the other is reset":             {[]door{silent}, []door{reset}, enforced, 1600 * time.Millisecond},
		"it connects":                                  {[]door{open}, []door{open}, not, 400 * time.Millisecond},
		"the pod resets the connection":                {[]door{reset}, []door{open}, not, 400 * time.Millisecond},
		"the plugin rejects":                           {[]door{rejected}, []door{open}, enforced, 100 * time.Millisecond},
		"the plugin rejects both until it knows us":    {[]door{rejected}, []door{rejected, open.after(time.Second)}, enforced, 1200 * time.Millisecond},
		"the plugin is late to close it":               {[]door{open, silent.after(200 * time.Millisecond)}, []door{open}, enforced, 1600 * time.Millisecond},
		"both are silent":                              {[]door{silent}, []door{silent}, away, 2 * time.Second},
		"the pod goes away meanwhile":                  {[]door{silent}, []door{open, silent.after(time.Second)}, away, 2 * time.Second},
		"both are rejected":                            {[]door{rejected}, []door{rejected}, away, 2 * time.Second},
		"it cannot be told who refuses":                {[]door{rejected}, []door{uncounted}, either, 100 * time.Millisecond},
		"silence is enough where nothing can be heard": {[]door{silent}, []door{uncounted}, enforced, 1600 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				check := Check{ID: "network-policies", Kind: Policies, Within: 1, Target: Target{Host: "10.244.0.7", Port: 9093, Pod: "store-0", AllowedPort: 9092}}
				p := prober{pause: 100 * time.Millisecond, network: network{connect: connectTo(start, map[int][]door{9093: test.forbidden, 9092: test.allowed})}}
				r := p.retryUntil(t.Context(), check)
				if r.Outcome != Passed || r.Message != test.want || r.Attempts != 1 {
					t.Errorf("got %+v\nwant %s", r, test.want)
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("took %v, want at most %v", took, test.within)
				}
			})
		})
	}
}
