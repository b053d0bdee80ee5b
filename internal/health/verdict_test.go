package health

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Each file of testdata/verdicts holds the objects of one moment of a rollout, as
// YAML documents that the API server returned, and the verdict about them. A new
// case is a new file: "kubectl get -o yaml" of the workloads, replica sets, pods,
// events, claims and nodes, without managedFields, below these header lines:
//
//	# now: TIME          when the objects were read
//	# started: TIME      when the wait began
//	# ended: TIME        optional: when a terminating pod was last seen
//	# listening: TIME    optional: since when the pods listen on a declared port
//	# suspended: OBJECT  optional: the chart itself pauses or suspends it
//	# want: OBJECT VERDICT [REASON] [: TEXT]
//
// OBJECT is KIND/NAME. VERDICT is ready, starting (no known problem), waiting (a
// problem that may heal) or fatal. REASON is the [Reason] of the workload's first
// cause, and TEXT a part of its text.
//
// In the directory healthy are rollouts that come up by themselves: no cause may be
// fatal. Those in dead do not: a cause must be fatal, and the first "want" names the
// root, which is reported first.
func TestDiagnose_Verdicts(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/verdicts/*/*.yaml")
	if err != nil || len(paths) < 30 {
		t.Fatalf("got %d snapshots and error %v, want at least 30", len(paths), err)
	}
	for _, path := range paths {
		group, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(group+"/"+name, func(t *testing.T) {
			t.Parallel()
			v := readVerdict(t, path)
			causes := Diagnose(v.snapshot, DefaultThresholds(), v.now)
			fatal := slices.ContainsFunc(causes, Cause.Fatal)
			if want := group == "dead"; fatal != want {
				t.Errorf("got a fatal cause: %t, want %t", fatal, want)
			}
			if group == "dead" && len(causes) > 0 && causes[0].Object != v.wants[0].object {
				t.Errorf("got the root %s, want %s", causes[0].Object, v.wants[0].object)
			}
			for _, w := range v.wants {
				w.check(t, v, causes)
			}
			if t.Failed() {
				t.Log(renderAll(v.snapshot, v.now))
			}
		})
	}
}

type recordedVerdict struct {
	snapshot Snapshot
	now      time.Time
	wants    []wantedVerdict
}

type wantedVerdict struct {
	object  Object
	verdict string
	reason  Reason
	text    string
}

func (w wantedVerdict) check(t *testing.T, v recordedVerdict, causes []Cause) {
	t.Helper()
	got, reason, text := "starting", Reason(""), ""
	for _, s := range ComputeStatus(v.snapshot, DefaultThresholds(), v.now) {
		if s.Object == w.object && s.State == Ready {
			got = "ready"
		}
	}
	if i := slices.IndexFunc(causes, func(c Cause) bool { return c.Object == w.object }); i >= 0 {
		c := causes[i]
		got, reason, text = "waiting", c.Reason, c.Progress()+"\n"+strings.Join(FormatCause(c, ""), "\n")
		if c.Fatal() {
			got = "fatal"
		}
	}
	if got != w.verdict || reason != w.reason || !strings.Contains(text, w.text) {
		t.Errorf("got %s: %s %s; want %s %s with %q", w.object, got, reason, w.verdict, w.reason, w.text)
	}
}

func readVerdict(t *testing.T, path string) recordedVerdict {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	header, objects, _ := strings.Cut(string(text), "---\n")
	now, header, _ := strings.Cut(header, "\n")
	var v recordedVerdict
	v.snapshot, v.now, err = parseSnapshot(now + "\n" + objects)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for line := range strings.Lines(header) {
		if err := v.header(strings.TrimPrefix(strings.TrimSpace(line), "# ")); err != nil {
			t.Fatalf("%s: header %q: %v", path, line, err)
		}
	}
	if len(v.wants) == 0 {
		t.Fatalf("%s: no \"# want:\" line", path)
	}
	return v
}

func (v *recordedVerdict) header(line string) (err error) {
	key, value, _ := strings.Cut(line, ": ")
	switch key {
	case "started":
		v.snapshot.Started, err = time.Parse(time.RFC3339, value)
	case "ended":
		v.snapshot.lastEnding, err = time.Parse(time.RFC3339, value)
	case "listening":
		var since time.Time
		since, err = time.Parse(time.RFC3339, value)
		v.snapshot.Listening = map[types.UID]time.Time{}
		for _, p := range v.snapshot.Pods {
			v.snapshot.Listening[p.UID] = since
		}
	case "suspended":
		v.snapshot.Suspended = map[Object]bool{}
		v.snapshot.Suspended[parseObject(value)] = true
	case "want":
		rest, text, _ := strings.Cut(value, ": ")
		fields := append(strings.Fields(rest), "")
		if len(fields) < 3 {
			return fmt.Errorf("want OBJECT VERDICT [REASON] [: TEXT]")
		}
		v.wants = append(v.wants, wantedVerdict{parseObject(fields[0]), fields[1], Reason(fields[2]), text})
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return err
}

func parseObject(s string) Object {
	kind, name, _ := strings.Cut(s, "/")
	return Object{Kind(kind), "shop", name}
}
