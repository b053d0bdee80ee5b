package hooks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// controller plays the Job controller: for each exit code it makes a pod, one
// after the other, and then it ends the Job. One with 128 cannot be started.
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
				makePod(client, job, i)
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
	// the fake does not know that a Job takes its pods with it
	client.PrependReactor("delete-collection", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
		for i := range codes {
			_ = client.Tracker().Delete(podResource, "app", fmt.Sprintf("journey-%d", i))
		}
		return true, nil, nil
	})
}

func makePod(client *fake.Clientset, job *batchv1.Job, i int) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("%s-%d", job.Name, i), Namespace: "app", UID: types.UID(fmt.Sprint(i)), Labels: map[string]string{jobLabel: job.Name},
		OwnerReferences: []metav1.OwnerReference{{UID: job.UID, Controller: ptr.To(true)}},
	}, Spec: podSpec()}
	_, _ = client.CoreV1().Pods("app").Create(context.Background(), pod, metav1.CreateOptions{})
}

func isOver(kind batchv1.JobConditionType, reason, message string) *batchv1.JobCondition {
	return &batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message}
}

func TestJobFollower_run(t *testing.T) {
	t.Parallel()
	t.Run("follows a Job through its pods", func(t *testing.T) {
		t.Parallel()
		failing := strings.Replace(passingLog, "ok 1", "not ok 1", 1)
		complete := isOver(batchv1.JobComplete, "", "")
		const register, like = "journey/register done\n", "journey/like blocked skipped: no video"
		for name, test := range map[string]struct {
			codes []int32
			logs  []string
			end   *batchv1.JobCondition
			made  int // 0: once
			err   string
			ends  string
		}{
			"that succeeds at once": {
				codes: []int32{0}, logs: []string{passingLog}, end: complete, ends: register + like,
			},
			"that succeeds at its second try": {
				codes: []int32{1, 0}, logs: []string{failing, failing, passingLog}, end: complete,
				ends: "journey/register failed\n" + like + "\n" + register + like,
			},
			"that its node cannot start, twice": {
				codes: []int32{128}, logs: []string{""}, end: isOver(batchv1.JobFailed, "BackoffLimitExceeded", "it failed too often"), made: 2,
				err: "journey: container prepare: exit code 128, StartError", ends: "journey failed container prepare: exit code 128, StartError",
			},
			"whose second pod its node cannot start": {
				codes: []int32{1, 128}, logs: []string{failing, failing, ""}, end: isOver(batchv1.JobFailed, "BackoffLimitExceeded", "it failed too often"),
				err:  "journey: container prepare: exit code 128, StartError",
				ends: "journey/register failed\n" + like + "\njourney failed container prepare: exit code 128, StartError",
			},
			"that fails": {
				codes: []int32{1}, logs: []string{failing}, end: isOver(batchv1.JobFailed, "BackoffLimitExceeded", "it failed too often"),
				err: `journey: step "register" failed`, ends: "journey/register failed\n" + like,
			},
			"that fails although its pods do not": {
				codes: []int32{0}, logs: []string{"well\n"}, end: isOver(batchv1.JobFailed, "DeadlineExceeded", "it was too slow"),
				err: "journey: Job failed, DeadlineExceeded: it was too slow\n  well", ends: "journey failed Job failed, DeadlineExceeded: it was too slow\n  well",
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					kubelet := &podstest.Kubelet{Logs: test.logs}
					client := kubelet.Cluster(t)
					controller(t, kubelet, client, test.codes, test.end)
					made := 0
					client.PrependReactor("create", "jobs", func(k8stesting.Action) (bool, runtime.Object, error) {
						made++
						return false, nil, nil
					})
					o := runOn(t.Context(), client, jobHook(t))
					if got := fmt.Sprint(o.err); got != test.err && (test.err != "" || o.err != nil) {
						t.Errorf("got  %s\nwant %s", got, test.err)
					}
					if o.ends() != test.ends {
						t.Errorf("got\n%s\nwant\n%s", o.ends(), test.ends)
					}
					if made != max(test.made, 1) {
						t.Errorf("made %d times", made)
					}
					there := left(t, client)
					if (o.err == nil) != (there == "") {
						t.Errorf("left: %s", there)
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
				t.Errorf("got  %v\nwant %s", o.err, want)
			}
			if there := left(t, client); there != "" {
				t.Errorf("left: %s", there)
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
				t.Errorf("got %v, left %s", o.err, left(t, client))
			}
		})
	})
}
