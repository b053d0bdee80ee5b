package health

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// FuzzDiagnose tests random statuses, even impossible ones. None may cause a
// panic, a ready workload with too few pods, or an incomplete cause.
func FuzzDiagnose(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, "back-off", int32(1))
	}
	f.Add(uint64(7), `exec: "x": not found`, int32(-1))
	f.Fuzz(func(t *testing.T, seed uint64, text string, number int32) {
		now := time.Unix(1_800_000_000, 0)
		s := randomSnapshot(rand.New(rand.NewPCG(seed, 1)), text, number, now)
		for _, w := range ComputeStatus(s, DefaultThresholds(), now) {
			if w.State == Ready && w.Ready < w.Desired {
				t.Errorf("got ready with %d of %d pods: %+v", w.Ready, w.Desired, w)
			}
		}
		for _, c := range Diagnose(s, DefaultThresholds(), now) {
			if c.Message == "" || c.Reason == "" || c.Object.Name == "" || len(FormatCause(c, "")) < 2 {
				t.Errorf("got incomplete cause %+v", c)
			}
		}
	})
}

// FuzzDiagnoseObjects mutates objects captured from real clusters. The cards must
// not depend on their order.
func FuzzDiagnoseObjects(f *testing.F) {
	files, err := filepath.Glob("testdata/*/objects.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, now, err := parseSnapshot(text)
		if err != nil {
			t.Skip()
		}
		want := renderAll(s, now)
		slices.Reverse(s.Pods)
		slices.Reverse(s.Events)
		slices.Reverse(s.ReplicaSets)
		s.Sort()
		if diff := cmp.Diff(want, renderAll(s, now)); diff != "" {
			t.Errorf("cards in reverse order (-want +got):\n%s", diff)
		}
	})
}

func randomSnapshot(r *rand.Rand, text string, number int32, now time.Time) Snapshot {
	g := generator{rand: r, text: text, number: number, now: now}
	d, set, ss, ds, j := &appsv1.Deployment{}, &appsv1.ReplicaSet{}, &appsv1.StatefulSet{}, &appsv1.DaemonSet{}, &batchv1.Job{}
	s := Snapshot{
		Deployments: []*appsv1.Deployment{d}, ReplicaSets: []*appsv1.ReplicaSet{set}, StatefulSets: []*appsv1.StatefulSet{ss},
		DaemonSets: []*appsv1.DaemonSet{ds}, Jobs: []*batchv1.Job{j},
	}
	for i, o := range []any{d, set, ss, ds, j} {
		g.fill(reflect.ValueOf(o).Elem(), 0)
		o.(metav1.Object).SetUID(types.UID(rune('a' + i)))
		o.(metav1.Object).SetName(string(rune('a' + i)))
		o.(metav1.Object).SetNamespace("shop")
	}
	yes := true
	own := func(o metav1.Object, uid string) {
		o.SetOwnerReferences([]metav1.OwnerReference{{UID: types.UID(uid), Controller: &yes}})
		o.SetDeletionTimestamp(nil)
	}
	own(set, "a")
	set.Spec.Template = d.Spec.Template
	for _, owner := range []string{"b", "b", "c", "d", "e"} {
		p, e := &corev1.Pod{}, &corev1.Event{}
		g.fill(reflect.ValueOf(p).Elem(), 0)
		g.fill(reflect.ValueOf(e).Elem(), 0)
		own(p, owner)
		e.InvolvedObject.UID = p.UID
		s.Pods, s.Events = append(s.Pods, p), append(s.Events, e)
	}
	c, n := &corev1.PersistentVolumeClaim{}, &corev1.Node{}
	g.fill(reflect.ValueOf(c).Elem(), 0)
	g.fill(reflect.ValueOf(n).Elem(), 0)
	s.Claims, s.Nodes = append(s.Claims, c), append(s.Nodes, n)
	s.Objects = []Object{{Deployment, "shop", "a"}, {StatefulSet, "shop", "c"}, {DaemonSet, "shop", "d"}, {Job, "shop", "e"}, {Job, "shop", "none"}}
	if r.IntN(2) == 0 {
		s.Started = now.Add(-time.Minute)
	}
	return s
}

type generator struct {
	rand   *rand.Rand
	text   string
	number int32
	now    time.Time
}

// knownStrings are mostly strings that the package matches.
var knownStrings = []string{
	"", "web", "v", "True", "False", "Ready", "PodScheduled", "ContainersReady", "Progressing", "ReplicaFailure", "Complete", "Failed",
	"Running", "Pending", "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError",
	"CreateContainerError", "CrashLoopBackOff", "RunContainerError", "StartError", "OOMKilled", "Unschedulable", "FailedMount",
	"FailedCreate", "FailedScheduling", "Unhealthy", "Killing", "ProvisioningFailed", "ProgressDeadlineExceeded", "spec.containers{web}",
	`secret "x" not found`, "couldn't find key k in Secret ns/x", "Readiness probe failed: ", "pod has unbound immediate PersistentVolumeClaims",
	`MountVolume.SetUp failed for volume "v" : references non-existent secret key: k`, "exceeded quota", `exec: "": no such file or directory`,
}

func (g generator) fill(v reflect.Value, depth int) {
	if depth > 9 || !v.CanSet() {
		return
	}
	if g.fillKnown(v) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			g.fill(v.Field(i), depth+1)
		}
	case reflect.Pointer:
		if g.rand.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			g.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		for range g.rand.IntN(3) {
			e := reflect.New(v.Type().Elem()).Elem()
			g.fill(e, depth+1)
			v.Set(reflect.Append(v, e))
		}
	case reflect.String:
		v.SetString(g.randomString())
	case reflect.Bool:
		v.SetBool(g.rand.IntN(2) == 0)
	case reflect.Int32, reflect.Int64, reflect.Int:
		v.SetInt(g.integer())
	}
}

// fillKnown fills types whose random values would be meaningless.
func (g generator) fillKnown(v reflect.Value) bool {
	switch p := v.Addr().Interface().(type) {
	case *metav1.Time:
		*p = metav1.NewTime(g.now.Add(-time.Duration(g.rand.IntN(200)) * time.Second))
	case *metav1.MicroTime:
		*p = metav1.NewMicroTime(g.now.Add(-time.Duration(g.rand.IntN(200)) * time.Second))
	case *corev1.ResourceList, *map[string]string:
	default:
		return false
	}
	return true
}

func (g generator) randomString() string {
	if g.rand.IntN(8) == 0 {
		return g.text
	}
	return knownStrings[g.rand.IntN(len(knownStrings))]
}

func (g generator) integer() int64 {
	if g.rand.IntN(6) == 0 {
		return int64(g.number)
	}
	return int64(g.rand.IntN(4))
}
