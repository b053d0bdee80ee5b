package app

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

func TestChecksKeepTheirOrderAndTheirDeadline(t *testing.T) {
	t.Parallel()
	var found []finding
	synctest.Test(t, func(t *testing.T) {
		silent, second := make(chan struct{}), make(chan struct{})
		defer close(silent)
		found = perform(t.Context(), 3*time.Second, []check{
			{"waits for the second", one(func(context.Context) finding { <-second; return ok("done") })},
			{"second", one(func(context.Context) finding { close(second); return ok("done") })},
			{"minds its deadline", one(func(ctx context.Context) finding { <-ctx.Done(); return broken(ctx.Err()) })},
			{"minds nothing", one(func(context.Context) finding { <-silent; return ok("late") })},
		})
	})
	var d diagnosis
	for _, f := range found {
		d.add(f)
	}
	var out bytes.Buffer
	if err := d.write(&out, false); err != nil {
		t.Fatal(err)
	}
	want := "ok     waits for the second   done\nok     second                 done\n" +
		"fail   minds its deadline     context deadline exceeded\nfail   minds nothing          no answer within 3s\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
	if err := d.err(); fault.ClassOf(err) != fault.Environment || err.Error() != "2 of 4 checks failed" {
		t.Errorf("got %v", err)
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	asked := func(cpu, memory string) chart.Requests {
		return chart.Requests{Pods: 3, CPU: resource.MustParse(cpu), Memory: resource.MustParse(memory)}
	}
	machine := engine.Info{CPUs: 2, Memory: 4 << 30}
	down := errors.New("docker.io cannot be reached")
	absent := func(recipe string, refusal error) images.RemoteStatus {
		return images.RemoteStatus{Source: images.Source{Name: "pg" + recipe, Recipe: recipe}, Err: refusal}
	}
	for name, test := range map[string]struct {
		got    finding
		status checkStatus
		want   string
	}{
		"enough of everything":             {compareResources(asked("2", "4Gi"), machine, 1), checkOK, "3 pods and the control plane request 2.00 CPU and 4.0 GiB memory; the engine has 2 and 4.0 GiB"},
		"too little memory":                {compareResources(asked("1", "5Gi"), machine, 1), checkFail, "not all pods can be scheduled"},
		"too little CPU":                   {compareResources(asked("2100m", "1Gi"), machine, 1), checkFail, "not all pods can be scheduled"},
		"two nodes that share the machine": {compareResources(asked("3", "1Gi"), machine, 2), checkWarn, "will be scheduled and be slow"},
		"a clock that is right":            {clockCheck(engine.Info{ClockSkew: time.Second}), checkOK, "agrees"},
		"a clock that is off":              {clockCheck(engine.Info{ClockSkew: -time.Minute}), checkWarn, "1m0s behind this machine's"},
		"a clock that is far off":          {clockCheck(engine.Info{ClockSkew: 10 * time.Minute}), checkFail, "10m0s ahead of this machine's"},
		"cgroup version 2":                 {cgroupCheck(engine.Info{Cgroup: "2"}), checkOK, "version 2"},
		"cgroup version 1":                 {cgroupCheck(engine.Info{Cgroup: "1"}), checkWarn, "version 1"},
		"an engine elsewhere":              {engineDisk(engine.Info{Root: "/var/lib/docker"}), checkOK, "on another machine"},
		"a registry that answers":          {registryFinding([]images.RemoteStatus{absent("", nil)}), checkOK, "gives pg"},
		"none, and a recipe":               {registryFinding([]images.RemoteStatus{absent("r", down)}), checkWarn, "pgr will be made by recipe: docker.io cannot be reached"},
		"none, and no recipe for one":      {registryFinding([]images.RemoteStatus{absent("r", down), absent("", down)}), checkFail, "no source for pg: docker.io cannot be reached"},
	} {
		if test.got.Status != test.status || !strings.Contains(test.got.Message, test.want) || (test.got.Fix == "") != (test.status == checkOK) {
			t.Errorf("%s: got %+v", name, test.got)
		}
	}
}
