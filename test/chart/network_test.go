package chart_test

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// party is one end of a connection: the labels of a pod, or nil for an address outside the cluster.
type party labels.Set

func pod(name string) party {
	return party{"app.kubernetes.io/name": name, "app.kubernetes.io/instance": "tiktok-clone"}
}

var (
	smoke    = party{"tkdeploy.dev/smoke": "true"}
	otherPod = party{"app": "something-else"}
	outside  = party(nil)
)

// allowed reports whether the policies allow a connection to a port. A party that no policy
// selects is not restricted.
func allowed(s stack, from, to party, port int32) bool {
	sent, received := true, true
	var egress, ingress bool
	for _, o := range s {
		policy, ok := o.(*networkingv1.NetworkPolicy)
		if !ok {
			continue
		}
		if from.is(&policy.Spec.PodSelector) {
			sent = false
			egress = egress || slices.ContainsFunc(policy.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool {
				return peers(r.To, to) && ports(r.Ports, port)
			})
		}
		if to.is(&policy.Spec.PodSelector) {
			received = false
			ingress = ingress || slices.ContainsFunc(policy.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool {
				return peers(r.From, from) && ports(r.Ports, port)
			})
		}
	}
	return (sent || egress) && (received || ingress)
}

func (p party) is(selector *metav1.LabelSelector) bool {
	matcher, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && p != nil && matcher.Matches(labels.Set(p))
}

// peers reports whether a rule includes p. No peers means all.
func peers(rule []networkingv1.NetworkPolicyPeer, p party) bool {
	return len(rule) == 0 || slices.ContainsFunc(rule, func(peer networkingv1.NetworkPolicyPeer) bool {
		return peer.NamespaceSelector == nil && p.is(peer.PodSelector)
	})
}

// ports reports whether a rule includes port. No ports means all.
func ports(rule []networkingv1.NetworkPolicyPort, port int32) bool {
	return len(rule) == 0 || slices.ContainsFunc(rule, func(p networkingv1.NetworkPolicyPort) bool {
		return p.Port.IntVal == port
	})
}

func TestNetworkPolicy(t *testing.T) {
	t.Parallel()
	t.Run("allows only the listed connections", func(t *testing.T) {
		t.Parallel()
		auth, gateway, postgres, redis, kafka := pod("auth-service"), pod("api-gateway"), pod("postgres"), pod("redis"), pod("kafka")
		tests := []struct {
			flow     string
			from, to party
			port     int32
			want     bool
		}{
			{"the gateway calls auth over gRPC", gateway, auth, 5001, true},
			{"the gateway does not call auth over HTTP", gateway, auth, 4001, false},
			{"auth connects to the database", auth, postgres, 5432, true},
			{"auth connects to the cache", auth, redis, 6379, true},
			{"the gateway connects to the cache", gateway, redis, 6379, true},
			{"the gateway does not connect to the database", gateway, postgres, 5432, false},
			{"auth does not call the gateway", auth, gateway, 4001, false},
			{"a replica connects to the primary", postgres, postgres, 5432, true},
			{"the database does not connect to others", postgres, redis, 6379, false},
			{"the cache does not connect to others", redis, postgres, 5432, false},
			{"external clients connect to the gateway", outside, gateway, 4000, true},
			{"external clients do not connect to auth", outside, auth, 4001, false},
			{"auth does not connect to the internet", auth, outside, 443, false},
			{"another pod does not connect to the database", otherPod, postgres, 5432, false},
			{"another pod does not connect to auth", otherPod, auth, 5001, false},
			{"the smoke test connects to the gateway", smoke, gateway, 4000, true},
			{"the smoke test calls auth over HTTP", smoke, auth, 4001, true},
			{"the smoke test calls auth over gRPC", smoke, auth, 5001, true},
			{"the smoke test connects to the database", smoke, postgres, 5432, true},
			{"the smoke test connects to the cache", smoke, redis, 6379, true},
			{"the smoke test connects to Kafka", smoke, kafka, 9092, true},
			{"the smoke test does not connect to Kafka's controller", smoke, kafka, 9093, false},
		}
		for environment := range environments {
			s := render(t, environment)
			for _, test := range tests {
				if got := allowed(s, test.from, test.to, test.port); got != test.want {
					t.Errorf("%s: %s: got allowed %t, want %t", environment, test.flow, got, test.want)
				}
			}
		}
	})

	t.Run("allows an external database", func(t *testing.T) {
		t.Parallel()
		s := render(t, "prod", "postgresql.enabled=false", "postgresql.host=db.example.com")
		if !allowed(s, pod("auth-service"), outside, 5432) {
			t.Error("auth cannot connect to the external database")
		}
		if allowed(s, pod("api-gateway"), outside, 5432) {
			t.Error("the gateway can connect to the external database")
		}
	})

	t.Run("covers both directions of all pods and allows DNS", func(t *testing.T) {
		inEveryEnvironment(t, func(t *testing.T, s stack) {
			for name := range pods(s) {
				spec := get[*networkingv1.NetworkPolicy](t, s, "NetworkPolicy "+name).Spec
				if !pod(name).is(&spec.PodSelector) || len(spec.PolicyTypes) != 2 {
					t.Errorf("%s: got policy with selector %v and types %v, want the pod and both types", name, spec.PodSelector, spec.PolicyTypes)
				}
				dns := slices.ContainsFunc(spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool { return ports(r.Ports, 53) })
				if calls := name != "redis"; dns != calls {
					t.Errorf("%s: got DNS allowed %t, want %t", name, dns, calls)
				}
			}
		})
	})

	t.Run("can be disabled", func(t *testing.T) {
		t.Parallel()
		for id, o := range render(t, "default", "networkPolicy.enabled=false") {
			if _, ok := o.(*networkingv1.NetworkPolicy); ok {
				t.Errorf("got %s, want none", id)
			}
		}
	})
}
