package verify

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	typednetworkingv1 "k8s.io/client-go/kubernetes/typed/networking/v1"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

const onlyClientPort = `{podSelector: {matchLabels: {app: store}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {tkdeploy.dev/smoke: "true"}}}], ports: [{port: 9092}]}]}`

func ingress(rule string) string {
	return `{podSelector: {matchLabels: {app: store}}, policyTypes: [Ingress], ingress: [` + rule + `]}`
}

func storeObjects(t *testing.T, spec string) []runtime.Object {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "store-0", Namespace: "app", Labels: map[string]string{"app": "store"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "store", Ports: []corev1.ContainerPort{
			{Name: "admin", ContainerPort: 9093},
			{Name: "client", ContainerPort: 9092},
		}}}},
		Status: corev1.PodStatus{PodIP: "10.244.0.7", Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p0", Namespace: "app"}}
	if err := yaml.UnmarshalStrict([]byte(spec), &policy.Spec); err != nil {
		t.Fatal(err)
	}
	return []runtime.Object{pod, policy}
}

func smokeChecks(t *testing.T, client *fake.Clientset) (checks []probe.Check) {
	t.Helper()
	for _, action := range client.Actions() {
		create, ok := action.(k8stesting.CreateAction)
		if !ok {
			continue
		}
		pod, ok := create.GetObject().(*corev1.Pod)
		if !ok {
			continue
		}
		in, err := probe.Unpack(pod.Spec.Containers[0].Env[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(in).Decode(&checks); err != nil {
			t.Fatal(err)
		}
	}
	return checks
}

func threePassed(t *testing.T) string {
	t.Helper()
	return line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) + line(t, passed("feed/tcp-80"))
}

func TestRun_addPolicyCheck(t *testing.T) {
	t.Parallel()
	t.Run("adds a check of a forbidden connection", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			const message = "enforced (store-0:9093 is blocked for the smoke test)"
			answer := line(t, probe.Result{ID: checks.NetworkPolicies, Outcome: probe.Passed, Message: message, Attempts: 1, Latency: 1500 * time.Millisecond})
			kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{threePassed(t) + answer}}
			client := kubelet.Cluster(t, storeObjects(t, onlyClientPort)...)
			o := runOn(t, t.Context(), client)
			if o.err != nil {
				t.Fatal(o.err)
			}
			last := o.events[len(o.events)-1]
			if len(o.events) != 4 || last.Kind != event.ItemFinished || last.Item != checks.NetworkPolicies || last.Outcome != event.Done || last.Message != message {
				t.Errorf("got events %+v, want 4, the last with message %q", o.events, message)
			}
			if len(o.results) != 4 || o.results[3].Message != message {
				t.Errorf("got results %+v, want 4, the last with message %q", o.results, message)
			}
			got := smokeChecks(t, client)
			want := probe.Target{Host: "10.244.0.7", Port: 9093, Pod: "store-0", AllowedPort: 9092}
			if len(got) != 4 || got[3].Kind != probe.Policies || got[3].Target != want {
				t.Errorf("got checks %+v, want 4, the last of kind %s with target %+v", got, probe.Policies, want)
			}
		})
	})

	t.Run("adds nothing without a forbidden connection", func(t *testing.T) {
		t.Parallel()
		policyOnly := func(o []runtime.Object) []runtime.Object { return o[1:] }
		for name, objects := range map[string][]runtime.Object{
			"no policy":                 storeObjects(t, onlyClientPort)[:1],
			"no pod":                    policyOnly(storeObjects(t, onlyClientPort)),
			"policy allows everything":  storeObjects(t, ingress(`{}`)),
			"policy of other addresses": storeObjects(t, ingress(`{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}`)),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{threePassed(t)}}
					client := kubelet.Cluster(t, objects...)
					if o := runOn(t, t.Context(), client); o.err != nil || len(o.events) != 3 {
						t.Errorf("got events %+v, %v, want 3 events", o.events, o.err)
					}
					if got := smokeChecks(t, client); len(got) != 3 {
						t.Errorf("got checks %+v, want 3", got)
					}
				})
			})
		}
	})

	t.Run("reports unknown enforcement without failing", func(t *testing.T) {
		t.Parallel()
		forbidden := apierrors.NewForbidden(schema.GroupResource{Group: networkingv1.GroupName, Resource: "networkpolicies"}, "", errors.New("denied"))
		older := probe.Result{ID: checks.NetworkPolicies, Outcome: probe.Failed, Reason: probe.Unexpected, Message: `kind "policies" is unknown to this probe`, Attempts: 1}
		for name, test := range map[string]struct {
			err  error
			log  string
			want string
		}{
			"policies cannot be listed": {forbidden, "", "enforcement unknown: list NetworkPolicies: networkpolicies.networking.k8s.io"},
			"older probe":               {nil, line(t, older), `enforcement unknown: kind "policies" is unknown to this probe`},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{threePassed(t) + test.log}}
					client := kubelet.Cluster(t, storeObjects(t, onlyClientPort)...)
					client.PrependReactor("list", "networkpolicies", func(k8stesting.Action) (bool, runtime.Object, error) { return test.err != nil, nil, test.err })
					o := runOn(t, t.Context(), client)
					if o.err != nil {
						t.Fatal(o.err)
					}
					message := ""
					for _, e := range o.events {
						if e.Item == checks.NetworkPolicies && e.Kind == event.ItemFinished && e.Outcome == event.Done {
							message += e.Message
						}
					}
					if !strings.HasPrefix(message, test.want) {
						t.Errorf("got %q, want prefix %q", message, test.want)
					}
				})
			})
		}
	})

	t.Run("lists policies and old pods in parallel", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{threePassed(t)}}
			r := New(optionsFor(&slowServer{Interface: kubelet.Cluster(t)}))
			start := time.Now()
			_, err := runChecks(t.Context(), r, threeChecks, event.Discard)
			if took := time.Since(start); err != nil || took != 2*time.Second {
				t.Errorf("took %v, %v, want 2s: 1s for the lists and 1s until the pod runs", took, err)
			}
		})
	})
}

// slowServer delays the first request to each of two API groups by a second. A
// reactor of the fake would hold its lock.
type slowServer struct {
	kubernetes.Interface
	core, networking sync.Once
}

func (s *slowServer) CoreV1() typedcorev1.CoreV1Interface {
	s.core.Do(func() { time.Sleep(time.Second) })
	return s.Interface.CoreV1()
}

func (s *slowServer) NetworkingV1() typednetworkingv1.NetworkingV1Interface {
	s.networking.Do(func() { time.Sleep(time.Second) })
	return s.Interface.NetworkingV1()
}
