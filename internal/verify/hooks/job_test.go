package hooks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
)

// controller plays the Job controller: it creates a pod per exit code and then
// sets the condition end. A pod with code 128 cannot start.
func controller(t *testing.T, kubelet *podstest.Kubelet, client *fake.Clientset, codes []int32, end *batchv1.JobCondition) {
	t.Helper()
	client.PrependReactor("create", "jobs", func(action k8stesting.Action) (bool, runtime.Object, error) {
		job := action.(k8stesting.CreateAction).GetObject().(*batchv1.Job).DeepCopy()
		kubelet.Working.Go(func() {
			for i, code := range codes {
				time.Sleep(time.Second)
				phase := map[bool]corev1.PodPhase{true: corev1.PodSucceeded, false: corev1.PodFailed}[code == 0]
				kubelet.States = life(phase, code)
				if code == 128 {
					kubelet.States = unstartable
				}
				createPod(client, job, i)
				job.Status.Active = 1
				_ = client.Tracker().Update(jobResource, job.DeepCopy(), "app")
				time.Sleep(4 * time.Second)
				job.Status.Active, job.Status.Failed = 0, int32(i+1)
				_ = client.Tracker().Update(jobResource, job.DeepCopy(), "app")
			}
			if end != nil {
				job.Status.Conditions = []batchv1.JobCondition{*end}
				_ = client.Tracker().Update(jobResource, job.DeepCopy(), "app")
			}
		})
		return false, nil, nil
	})
	// The fake does not delete the pods of a Job.
	client.PrependReactor("delete-collection", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
		for i := range codes {
			_ = client.Tracker().Delete(podResource, "app", fmt.Sprintf("journey-%d", i))
		}
		return true, nil, nil
	})
}

func createPod(client *fake.Clientset, job *batchv1.Job, i int) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("%s-%d", job.Name, i), Namespace: "app", UID: types.UID(fmt.Sprint(i)), Labels: map[string]string{jobLabel: job.Name},
		OwnerReferences: []metav1.OwnerReference{{UID: job.UID, Controller: ptr.To(true)}},
	}, Spec: podSpec()}
	_, _ = client.CoreV1().Pods("app").Create(context.Background(), pod, metav1.CreateOptions{})
}

func finished(kind batchv1.JobConditionType, reason, message string) *batchv1.JobCondition {
	return &batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message}
}

func TestJobFollower_run(t *testing.T) {
	t.Parallel()
	t.Run("follows a Job through its pods", func(t *testing.T) {
		t.Parallel()
		failing := strings.Replace(passingLog, "ok 1", "not ok 1", 1)
		complete := finished(batchv1.JobComplete, "", "")
		const register, like = "journey/register done\n", "journey/like blocked skipped: no video"
		for name, test := range map[string]struct {
			codes   []int32
			logs    []string
			end     *batchv1.JobCondition
			created int // default 1
			err     string
			ends    string
		}{
			"passes at once": {
				codes: []int32{0}, logs: []string{passingLog}, end: complete, ends: register + like,
			},
			"passes with its second pod": {
				codes: []int32{1, 0}, logs: []string{failing, failing, passingLog}, end: complete,
				ends: "journey/register failed\n" + like + "\n" + register + like,
			},
			"cannot be started twice": {
				codes: []int32{128}, logs: []string{""}, end: finished(batchv1.JobFailed, "BackoffLimitExceeded", "it failed too often"), created: 2,
				err: "journey: container prepare: exit code 128, StartError", ends: "journey failed container prepare: exit code 128, StartError",
			},
			"second pod cannot be started": {
				codes: []int32{1, 128}, logs: []string{failing, failing, ""}, end: finished(batchv1.JobFailed, "BackoffLimitExceeded", "it failed too often"),
				err:  "journey: container prepare: exit code 128, StartError",
				ends: "journey/register failed\n" + like + "\njourney failed container prepare: exit code 128, StartError",
			},
			"fails": {
				codes: []int32{1}, logs: []string{failing}, end: finished(batchv1.JobFailed, "BackoffLimitExceeded", "it failed too often"),
				err: `journey: step "register" failed`, ends: "journey/register failed\n" + like,
			},
			"fails although its pod passed": {
				codes: []int32{0}, logs: []string{"well\n"}, end: finished(batchv1.JobFailed, "DeadlineExceeded", "it was too slow"),
				err: "journey: Job failed, DeadlineExceeded: it was too slow\n  well", ends: "journey failed Job failed, DeadlineExceeded: it was too slow\n  well",
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					kubelet := &podstest.Kubelet{Logs: test.logs}
					client := kubelet.Cluster(t)
					controller(t, kubelet, client, test.codes, test.end)
					created := 0
					client.PrependReactor("create", "jobs", func(k8stesting.Action) (bool, runtime.Object, error) {
						created++
						return false, nil, nil
					})
					o := runOn(t.Context(), client, jobHook(t))
					if got := fmt.Sprint(o.err); got != test.err && (test.err != "" || o.err != nil) {
						t.Errorf("got  %s\nwant %s", got, test.err)
					}
					if o.ends() != test.ends {
						t.Errorf("items (-want +got):\n%s", cmp.Diff(test.ends, o.ends()))
					}
					if created != max(test.created, 1) {
						t.Errorf("got %d Jobs created, want %d", created, max(test.created, 1))
					}
					there := left(t, client)
					if (o.err == nil) != (there == "") {
						t.Errorf("got %v, left: %q; want something left only after an error", o.err, there)
					}
				})
			})
		}
	})

	t.Run("explains why a Job created no pod", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			warning := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "e", Namespace: "app"}, Type: "Warning", Reason: "FailedCreate", Message: "exceeded quota: small"}
			client := new(podstest.Kubelet).Cluster(t, warning)
			o := runOn(t.Context(), client, jobHook(t))
			want := "journey: no pod of Job journey was created within 1m0s: FailedCreate: exceeded quota: small"
			if o.err == nil || o.err.Error() != want || fault.ClassOf(o.err) != fault.Smoke {
				t.Errorf("got  %v of class %q\nwant %s of class %q", o.err, fault.ClassOf(o.err), want, fault.Smoke)
			}
			if there := left(t, client); there != "" {
				t.Errorf("got left: %s, want nothing", there)
			}
		})
	})

	t.Run("deletes the pods of a canceled Job", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			kubelet := &podstest.Kubelet{Logs: []string{"working\n"}}
			client := kubelet.Cluster(t)
			controller(t, kubelet, client, []int32{0}, nil)
			o := runOn(ctx, client, jobHook(t))
			if fault.ClassOf(o.err) != fault.Inconclusive || left(t, client) != "" {
				t.Errorf("got %v, left: %s; want class %q, nothing left", o.err, left(t, client), fault.Inconclusive)
			}
		})
	})
}
