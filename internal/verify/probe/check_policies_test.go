package probe

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tkdeploy.dev/tkdeploy/internal/sleep"
)

// response is the pod's response after a point in time.
type response struct {
	from   time.Duration
	result connection
	silent bool // no response until the timeout
}

var (
	open     = response{result: connection{opened: true, received: true}}
	reset    = response{result: connection{refused: true, received: true}}
	rejected = response{result: connection{refused: true}}
	silent   = response{silent: true}
)

func (d response) after(from time.Duration) response { d.from = from; return d }

func connectTo(start time.Time, responses map[int][]response) func(context.Context, string, int) connection {
	return func(ctx context.Context, _ string, port int) connection {
		var now response
		for _, d := range responses[port] {
			if time.Since(start) >= d.from {
				now = d
			}
		}
		if now.silent {
			<-ctx.Done()
			return connection{}
		}
		sleep.For(ctx, time.Millisecond)
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
	uncounted := response{result: connection{opened: true}}
	for name, test := range map[string]struct {
		forbidden, allowed []response
		want               string
		within             time.Duration
	}{
		"forbidden port silent, allowed port open":   {[]response{silent}, []response{open}, enforced, 1600 * time.Millisecond},
		"forbidden port silent, allowed port closed": {[]response{silent}, []response{reset}, enforced, 1600 * time.Millisecond},
		"forbidden port open":                        {[]response{open}, []response{open}, not, 400 * time.Millisecond},
		"forbidden port closed by the pod":           {[]response{reset}, []response{open}, not, 400 * time.Millisecond},
		"plugin rejects":                             {[]response{rejected}, []response{open}, enforced, 100 * time.Millisecond},
		"plugin rejects both at first":               {[]response{rejected}, []response{rejected, open.after(time.Second)}, enforced, 1200 * time.Millisecond},
		"plugin blocks with a delay":                 {[]response{open, silent.after(200 * time.Millisecond)}, []response{open}, enforced, 1600 * time.Millisecond},
		"both silent":                                {[]response{silent}, []response{silent}, away, 2 * time.Second},
		"pod stops responding":                       {[]response{silent}, []response{open, silent.after(time.Second)}, away, 2 * time.Second},
		"both rejected":                              {[]response{rejected}, []response{rejected}, away, 2 * time.Second},
		"segments not counted, refused":              {[]response{rejected}, []response{uncounted}, either, 100 * time.Millisecond},
		"segments not counted, silent":               {[]response{silent}, []response{uncounted}, enforced, 1600 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				check := Check{ID: "network-policies", Kind: Policies, Within: 1, Target: Target{Host: "10.244.0.7", Port: 9093, Pod: "store-0", AllowedPort: 9092}}
				p := prober{pause: 100 * time.Millisecond, network: network{connect: connectTo(start, map[int][]response{9093: test.forbidden, 9092: test.allowed})}}
				r := p.retryUntil(t.Context(), check)
				if r.Outcome != Passed || r.Message != test.want || r.Attempts != 1 {
					t.Errorf("got %+v\nwant one attempt that passes with %q", r, test.want)
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("took %v, want at most %v", took, test.within)
				}
			})
		})
	}
}
