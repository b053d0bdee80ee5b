package health

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"

	"tkdeploy.dev/tkdeploy/internal/golden"
)

var rewrite = flag.Bool("update", false, "update the golden files")

// Each directory of testdata holds the objects of one fault and the expected
// cards. TestWatcher_WaitFaultsE2E in package rollout captured most objects.
func TestFormatCause(t *testing.T) {
	paths, err := filepath.Glob("testdata/*/objects.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			t.Parallel()
			s, now := readSnapshot(t, path)
			got := renderAll(s, now)
			golden.Compare(t, filepath.Join(filepath.Dir(path), "cards.golden"), got, *rewrite)
		})
	}
}

func renderAll(s Snapshot, now time.Time) string {
	var b strings.Builder
	for _, w := range ComputeStatus(s, DefaultThresholds(), now) {
		fmt.Fprintf(&b, "%s: %s, %s\n", w.Object, w.State, w.Message)
	}
	for _, c := range Diagnose(s, DefaultThresholds(), now) {
		verdict := "never fatal"
		if c.Fatal() {
			verdict = "fatal"
		} else if !c.FatalAt.IsZero() {
			verdict = "fatal in " + c.FatalAt.Sub(now).String()
		}
		fmt.Fprintf(&b, "\n[%s, %s]\n%s\n", c.Reason, verdict, strings.Join(FormatCause(c, ""), "\n"))
	}
	return b.String()
}

// readSnapshot reads YAML documents after a first line "# now: TIME".
func readSnapshot(t *testing.T, path string) (Snapshot, time.Time) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, now, err := parseSnapshot(string(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return s, now
}

func parseSnapshot(text string) (s Snapshot, now time.Time, err error) {
	line, body, _ := strings.Cut(text, "\n")
	if now, err = time.Parse(time.RFC3339, strings.TrimPrefix(line, "# now: ")); err != nil {
		return s, now, fmt.Errorf("first line: %w", err)
	}
	docs := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(body)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			s.Sort()
			return s, now, nil
		}
		if err != nil {
			return s, now, err
		}
		o, _, err := scheme.Codecs.UniversalDeserializer().Decode(doc, nil, nil)
		if err != nil {
			return s, now, err
		}
		s.Add(o)
		if m, ok := o.(metav1.Object); ok {
			kind := Kind(o.GetObjectKind().GroupVersionKind().Kind)
			known := slices.Contains([]Kind{Deployment, StatefulSet, DaemonSet, Job, ReplicaSet, ReplicationController, Pod}, kind)
			if known && metav1.GetControllerOfNoCopy(m) == nil {
				s.Objects = append(s.Objects, Object{kind, m.GetNamespace(), m.GetName()})
			}
		}
	}
}
