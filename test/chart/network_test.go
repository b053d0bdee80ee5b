package chart_test

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// A party is one end of a flow: a pod of the namespace, or, without labels, an
// address outside the cluster.
type party labels.Set

func pod(name string) party {
	return party{"app.kubernetes.io/name": name, "app.kubernetes.io/instance": "tiktok-clone"}
}

var (
	smoke   = party{"tkdeploy.dev/smoke": "true"}
	visitor = party{"app": "something-else"}
	outside = party(nil)
)

// allowed says whether the policies let from reach port of to: an end that no
// policy selects is open.
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

// peers: a rule that names none is for all.
func peers(rule []networkingv1.NetworkPolicyPeer, p party) bool {
	return len(rule) == 0 || slices.ContainsFunc(rule, func(peer networkingv1.NetworkPolicyPeer) bool {
		return peer.NamespaceSelector == nil && p.is(peer.PodSelector)
	})
}

func ports(rule []networkingv1.NetworkPolicyPort, port int32) bool {
	return len(rule) == 0 || slices.ContainsFunc(rule, func(p networkingv1.NetworkPolicyPort) bool {
		return p.Port.IntVal == port
	})
}

func TestOnlyTheNamedFlowsAreAllowed(t *testing.T) {
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
		{"auth reads the database", auth, postgres, 5432, true},
		{"auth uses the cache", auth, redis, 6379, true},
		{"the gateway uses the cache", gateway, redis, 6379, true},
		{"the gateway does not read the database", gateway, postgres, 5432, false},
		{"auth does not call the gateway's pods", auth, gateway, 4001, false},
		{"a replica follows the primary", postgres, postgres, 5432, true},
		{"the database calls nobody", postgres, redis, 6379, false},
		{"the cache calls nobody", redis, postgres, 5432, false},
		{"people reach the gateway", outside, gateway, 4000, true},
		{"people do not reach auth", outside, auth, 4001, false},
		{"auth does not reach the internet", auth, outside, 443, false},
		{"another pod does not reach the database", visitor, postgres, 5432, false},
		{"another pod does not reach auth", visitor, auth, 5001, false},
		{"the smoke test reaches the gateway", smoke, gateway, 4000, true},
		{"the smoke test reaches auth over HTTP", smoke, auth, 4001, true},
		{"the smoke test reaches auth over gRPC", smoke, auth, 5001, true},
		{"the smoke test reaches the database", smoke, postgres, 5432, true},
		{"the smoke test reaches the cache", smoke, redis, 6379, true},
		{"the smoke test reaches Kafka", smoke, kafka, 9092, true},
		{"the smoke test does not reach Kafka's controller", smoke, kafka, 9093, false},
	}
	for environment := range environments {
		s := render(t, environment)
		for _, test := range tests {
			if got := allowed(s, test.from, test.to, test.port); got != test.want {
				t.Errorf("%s: %s: allowed is %t", environment, test.flow, got)
			}
		}
	}
}

func TestADatabaseElsewhereIsReached(t *testing.T) {
	t.Parallel()
	s := render(t, "prod", "postgresql.enabled=false", "postgresql.host=db.example.com")
	if !allowed(s, pod("auth-service"), outside, 5432) {
		t.Error("auth does not reach it")
	}
	if allowed(s, pod("api-gateway"), outside, 5432) {
		t.Error("the gateway reaches it")
	}
}

func TestEveryPodIsUnderAPolicyForBothDirectionsAndFindsNames(t *testing.T) {
	inEveryEnvironment(t, func(t *testing.T, s stack) {
		for name := range pods(s) {
			spec := get[*networkingv1.NetworkPolicy](t, s, "NetworkPolicy "+name).Spec
			if !pod(name).is(&spec.PodSelector) || len(spec.PolicyTypes) != 2 {
				t.Errorf("%s: the policy is for %v %v", name, spec.PodSelector, spec.PolicyTypes)
			}
			dns := slices.ContainsFunc(spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool { return ports(r.Ports, 53) })
			if calls := name != "redis"; dns != calls {
				t.Errorf("%s: DNS allowed is %t, want %t", name, dns, calls)
			}
		}
	})
}

func TestPoliciesCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	for id, o := range render(t, "default", "networkPolicy.enabled=false") {
		if _, ok := o.(*networkingv1.NetworkPolicy); ok {
			t.Errorf("%s is still there", id)
		}
	}
}
