package probe

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A door is what an attempt to connect finds from some time on.
type door struct {
	from  time.Duration
	found knock
	never bool // no answer: the attempt takes all its time
}

var (
	open     = door{found: knock{connected: true, heard: true}}
	reset    = door{found: knock{refused: true, heard: true}}
	rejected = door{found: knock{refused: true}}
	silent   = door{never: true}
)

func (d door) after(from time.Duration) door { d.from = from; return d }

// knocker plays a pod with the ports 9092 and 9093.
func knocker(start time.Time, doors map[int][]door) func(context.Context, string, int) knock {
	return func(ctx context.Context, _ string, port int) knock {
		var now door
		for _, d := range doors[port] {
			if time.Since(start) >= d.from {
				now = d
			}
		}
		if now.never {
			<-ctx.Done()
			return knock{}
		}
		Wait(ctx, time.Millisecond)
		return now.found
	}
}

// Row 54 of the fault list.
func TestAForbiddenPortTellsWhetherPoliciesAreEnforced(t *testing.T) {
	t.Parallel()
	const (
		enforced = "enforced (store-0:9093 was closed to the smoke test)"
		not      = "not enforced by this cluster's network plugin: store-0:9093 answered, and no policy allows it"
		away     = "enforcement unknown: store-0:9093 was closed to the smoke test, and so was its port 9092, which they allow"
		either   = "enforcement unknown: store-0:9093 refused the connection, either the pod or the network plugin"
	)
	uncounted := door{found: knock{connected: true}}
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
				p := prober{pause: 100 * time.Millisecond, knock: knocker(start, map[int][]door{9093: test.forbidden, 9092: test.allowed})}
				r := p.insist(t.Context(), check)
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
