package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

func TestRunChecks(t *testing.T) {
	t.Parallel()
	var results []Result
	synctest.Test(t, func(t *testing.T) {
		silent, second := make(chan struct{}), make(chan struct{})
		defer close(silent)
		results = runChecks(t.Context(), 3*time.Second, []check{
			{"waits for the second", one(func(context.Context) Result { <-second; return ok("done") })},
			{"second", one(func(context.Context) Result { close(second); return ok("done") })},
			{"respects its deadline", one(func(ctx context.Context) Result { <-ctx.Done(); return failErr(ctx.Err()) })},
			{"ignores its deadline", one(func(context.Context) Result { <-silent; return ok("late") })},
		})
	})
	var report Report
	report.add(results...)
	want := []Result{
		{Name: "waits for the second", Status: OK, Message: "done"},
		{Name: "second", Status: OK, Message: "done"},
		{Name: "respects its deadline", Status: Fail, Message: "context deadline exceeded"},
		{Name: "ignores its deadline", Status: Fail, Message: "no answer within 3s"},
	}
	if diff := cmp.Diff(want, report.Checks); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := report.Err(); fault.ClassOf(err) != fault.Environment || err.Error() != "2 of 4 checks failed" {
		t.Errorf("got %v, want \"2 of 4 checks failed\" of class environment", err)
	}
}

func TestCheckResults(t *testing.T) {
	t.Parallel()
	requests := func(cpu, memory string) chart.Requests {
		return chart.Requests{Pods: 3, CPU: resource.MustParse(cpu), Memory: resource.MustParse(memory)}
	}
	host := engine.Info{CPUs: 2, Memory: 4 << 30}
	down := errors.New("docker.io is unreachable")
	absent := func(recipe string, err error) images.RemoteStatus {
		return images.RemoteStatus{Source: images.Source{Name: "pg" + recipe, Recipe: recipe}, Err: err}
	}
	for name, test := range map[string]struct {
		got    Result
		status Status
		want   string
	}{
		"enough resources":                         {compareResources(requests("2", "4Gi"), host, 1), OK, "3 pods and the control plane request 2.00 CPU and 4.0 GiB memory; the engine has 2 and 4.0 GiB"},
		"too little memory":                        {compareResources(requests("1", "5Gi"), host, 1), Fail, "not all pods can be scheduled"},
		"too little CPU":                           {compareResources(requests("2100m", "1Gi"), host, 1), Fail, "not all pods can be scheduled"},
		"two nodes on one machine":                 {compareResources(requests("3", "1Gi"), host, 2), Warn, "will be scheduled and be slow"},
		"accurate clock":                           {checkClock(engine.Info{ClockSkew: time.Second}), OK, "agrees"},
		"inaccurate clock":                         {checkClock(engine.Info{ClockSkew: -time.Minute}), Warn, "1m0s behind this machine's"},
		"very inaccurate clock":                    {checkClock(engine.Info{ClockSkew: 10 * time.Minute}), Fail, "10m0s ahead of this machine's"},
		"cgroup version 2":                         {checkCgroup(engine.Info{Cgroup: "2"}), OK, "version 2"},
		"cgroup version 1":                         {checkCgroup(engine.Info{Cgroup: "1"}), Warn, "version 1"},
		"rootless, cgroup version 1":               {checkCgroup(engine.Info{Cgroup: "1", Rootless: true}), Fail, "need version 2"},
		"rootless without delegation":              {checkCgroup(engine.Info{Cgroup: "2", Rootless: true}), Fail, "cannot limit CPU"},
		"rootless with delegation":                 {checkCgroup(engine.Info{Cgroup: "2", Rootless: true, Limits: true}), OK, "version 2"},
		"remote engine":                            {checkEngineDisk(engine.Info{Root: "/var/lib/docker"}), OK, "on another machine"},
		"reachable registry":                       {checkRegistry([]images.RemoteStatus{absent("", nil)}), OK, "provides pg"},
		"unreachable registry, recipe":             {checkRegistry([]images.RemoteStatus{absent("r", down)}), Warn, "pgr will be built from a recipe: docker.io is unreachable"},
		"unreachable registry, one without recipe": {checkRegistry([]images.RemoteStatus{absent("r", down), absent("", down)}), Fail, "no source for pg: docker.io is unreachable"},
	} {
		if test.got.Status != test.status || !strings.Contains(test.got.Message, test.want) || (test.got.Fix == "") != (test.status == OK) {
			t.Errorf("%s: got %+v, want status %s and message %q", name, test.got, test.status, test.want)
		}
	}
}

func TestCheckShare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		system, dir string
		want        bool
	}{
		{"darwin", "/Users/ann/.local/state/tkdeploy/clusters/shop", true},
		{"darwin", "/Users/anna/state/tkdeploy/clusters/shop", false},
		{"darwin", "/opt/state/tkdeploy/clusters/shop", false},
		{"linux", "/opt/state/tkdeploy/clusters/shop", true},
	} {
		if result, got := checkShare(test.system, "/Users/ann", test.dir); got != test.want || !got && result.Status != Warn {
			t.Errorf("%s, %s: got %v, %+v", test.system, test.dir, got, result)
		}
	}
}
