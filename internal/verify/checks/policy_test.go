package checks

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"
)

var smokePod = labels.Set{SmokeLabel: "true", "app.kubernetes.io/managed-by": "tkdeploy"}

// podStore is a ready pod with the TCP ports client 9092 and admin 9093.
func podStore() corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "store-0", Namespace: "app", Labels: map[string]string{"app": "store"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "store", Ports: []corev1.ContainerPort{
			{Name: "admin", ContainerPort: 9093},
			{Name: "client", ContainerPort: 9092},
			{Name: "gossip", ContainerPort: 9094, Protocol: corev1.ProtocolUDP},
		}}}},
		Status: corev1.PodStatus{PodIP: "10.244.0.7", Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

// policiesOf reads the specs of policies in the namespace app.
func policiesOf(t *testing.T, specs ...string) policies {
	t.Helper()
	p := policies{namespace: "app"}
	for i, text := range specs {
		policy := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("p", i), Namespace: "app"}}
		if err := yaml.UnmarshalStrict([]byte(text), &policy.Spec); err != nil {
			t.Fatal(err)
		}
		p.items = append(p.items, policy)
	}
	return p
}

const (
	onlyClientPort = `{podSelector: {matchLabels: {app: store}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {tkdeploy.dev/smoke: "true"}}}], ports: [{port: 9092}]}]}`
	nothingIn      = `{podSelector: {}, policyTypes: [Ingress]}`
)

// ingress is a policy of the store with one rule.
func ingress(rule string) string {
	return `{podSelector: {matchLabels: {app: store}}, policyTypes: [Ingress], ingress: [` + rule + `]}`
}

// egress is a policy of the smoke test's pod with one rule.
func egress(rule string) string {
	return `{podSelector: {matchLabels: {tkdeploy.dev/smoke: "true"}}, policyTypes: [Egress], egress: [` + rule + `]}`
}

func TestPolicies_forbid(t *testing.T) {
	t.Parallel()
	const in, out = networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress
	for name, test := range map[string]struct {
		direction networkingv1.PolicyType
		specs     []string
		want      bool
	}{
		"no policy":         {in, nil, false},
		"nothing is let in": {in, []string{nothingIn}, true},
		"nothing is let in, asked for the other side":   {out, []string{nothingIn}, false},
		"a policy of another pod":                       {in, []string{`{podSelector: {matchLabels: {app: other}}, policyTypes: [Ingress]}`}, false},
		"another port only":                             {in, []string{onlyClientPort}, true},
		"another policy lets it in":                     {in, []string{nothingIn, ingress(`{ports: [{port: 9093}]}`)}, false},
		"a rule without ports and peers":                {in, []string{ingress(`{}`)}, false},
		"types are not given":                           {in, []string{`{podSelector: {}}`}, true},
		"types are not given, egress is":                {out, []string{`{podSelector: {}, egress: [{ports: [{port: 53}]}]}`}, true},
		"types are not given, nor is egress":            {out, []string{`{podSelector: {}}`}, false},
		"ingress rules, but not of that type":           {in, []string{`{podSelector: {}, policyTypes: [Egress], ingress: [{}]}`}, false},
		"other pods only":                               {in, []string{ingress(`{from: [{podSelector: {matchLabels: {app: shop}}}]}`)}, true},
		"pods by an expression":                         {in, []string{ingress(`{from: [{podSelector: {matchExpressions: [{key: tkdeploy.dev/smoke, operator: Exists}]}}]}`)}, false},
		"pods with another label too":                   {in, []string{ingress(`{from: [{podSelector: {matchLabels: {tkdeploy.dev/smoke: "true", app: shop}}}]}`)}, true},
		"one of several peers":                          {in, []string{ingress(`{from: [{podSelector: {matchLabels: {app: shop}}}, {podSelector: {}}]}`)}, false},
		"addresses may be the pod's":                    {in, []string{ingress(`{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}`)}, false},
		"every namespace":                               {in, []string{ingress(`{from: [{namespaceSelector: {}}]}`)}, false},
		"this namespace by name":                        {in, []string{ingress(`{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: app}}}]}`)}, false},
		"another namespace by name":                     {in, []string{ingress(`{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]}`)}, true},
		"any namespace but this":                        {in, []string{ingress(`{from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [app]}]}}]}`)}, true},
		"a namespace by a label that is not known":      {in, []string{ingress(`{from: [{namespaceSelector: {matchLabels: {team: a}}}]}`)}, false},
		"other pods of a namespace that is not known":   {in, []string{ingress(`{from: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: prometheus}}}]}`)}, true},
		"the port by number":                            {in, []string{ingress(`{ports: [{port: 9093}]}`)}, false},
		"the port by name":                              {in, []string{ingress(`{ports: [{port: admin}]}`)}, false},
		"another port by name":                          {in, []string{ingress(`{ports: [{port: client}]}`)}, true},
		"a name that the pod has for UDP":               {in, []string{ingress(`{ports: [{port: gossip}]}`)}, false},
		"a name that the pod does not have":             {in, []string{ingress(`{ports: [{port: metrics}]}`)}, false},
		"the port in UDP":                               {in, []string{ingress(`{ports: [{port: 9093, protocol: UDP}]}`)}, true},
		"all of TCP":                                    {in, []string{ingress(`{ports: [{protocol: TCP}]}`)}, false},
		"a range that ends with it":                     {in, []string{ingress(`{ports: [{port: 9000, endPort: 9093}]}`)}, false},
		"a range that ends before it":                   {in, []string{ingress(`{ports: [{port: 9000, endPort: 9092}]}`)}, true},
		"one of several ports":                          {in, []string{ingress(`{ports: [{port: 9092}, {port: 9093}]}`)}, false},
		"the peer of one rule and the port of another":  {in, []string{ingress(`{from: [{podSelector: {}}], ports: [{port: 9092}]}, {from: [{podSelector: {matchLabels: {app: shop}}}], ports: [{port: 9093}]}`)}, true},
		"egress to other pods only":                     {out, []string{egress(`{to: [{podSelector: {matchLabels: {app: shop}}}]}`)}, true},
		"egress to the pod":                             {out, []string{egress(`{to: [{podSelector: {matchLabels: {app: store}}}]}`)}, false},
		"egress by the name of the target's port":       {out, []string{egress(`{ports: [{port: client}]}`)}, true},
		"egress to an address":                          {out, []string{egress(`{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}`)}, false},
		"egress of the target is not asked for":         {out, []string{`{podSelector: {matchLabels: {app: store}}, policyTypes: [Egress]}`}, false},
		"a selector of pods that cannot be understood":  {in, []string{nothingIn, `{podSelector: {matchExpressions: [{key: app, operator: Near}]}}`}, false},
		"a selector of peers that cannot be understood": {in, []string{ingress(`{from: [{podSelector: {matchExpressions: [{key: app, operator: Near}]}}]}`)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := policiesOf(t, test.specs...).forbid(test.direction, smokePod, podStore(), 9093); got != test.want {
				t.Errorf("forbidden is %t", got)
			}
		})
	}
}

func TestForPolicies(t *testing.T) {
	t.Parallel()
	changed := func(change func(*corev1.Pod)) []corev1.Pod {
		pod := podStore()
		change(&pod)
		return []corev1.Pod{pod}
	}
	second := func(change func(*corev1.Pod)) []corev1.Pod {
		pod := podStore()
		pod.Name, pod.Status.PodIP = "store-1", "10.244.0.8"
		first := podStore()
		change(&first)
		return []corev1.Pod{pod, first}
	}
	nothing := func(*corev1.Pod) {}
	const egressToClientPort = `{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 9092}]}]}`
	const none = ""
	for name, test := range map[string]struct {
		specs []string
		pods  []corev1.Pod
		want  string
	}{
		"a port that is not allowed":         {[]string{onlyClientPort}, changed(nothing), "store-0 10.244.0.7:9093 beside 9092"},
		"no policy":                          {nil, changed(nothing), none},
		"no pod":                             {[]string{onlyClientPort}, nil, none},
		"no port that is allowed":            {[]string{nothingIn}, changed(nothing), none},
		"every port is allowed":              {[]string{ingress(`{}`)}, changed(nothing), none},
		"forbidden by egress only":           {[]string{egressToClientPort}, changed(nothing), "store-0 10.244.0.7:9093 beside 9092"},
		"allowed at one end only":            {[]string{onlyClientPort, egress(`{ports: [{port: 9093}]}`)}, changed(nothing), none},
		"the first pod by name":              {[]string{onlyClientPort}, second(nothing), "store-0 10.244.0.7:9093 beside 9092"},
		"the first pod that is ready":        {[]string{onlyClientPort}, second(func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }), "store-1 10.244.0.8:9093 beside 9092"},
		"ingress before egress":              {[]string{`{podSelector: {matchLabels: {app: other}}, ingress: [{ports: [{port: 9092}]}]}`, egressToClientPort}, second(func(p *corev1.Pod) { p.Name, p.Labels["app"] = "zoo-0", "other" }), "zoo-0 10.244.0.7:9093 beside 9092"},
		"a pod that is going away":           {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }), none},
		"a pod without address":              {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.Status.PodIP = "" }), none},
		"a pod in its node's network":        {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.Spec.HostNetwork = true }), none},
		"a pod of a smoke test":              {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.Labels[SmokeLabel] = "true" }), none},
		"a port of an init container's":      {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.Spec.InitContainers = p.Spec.Containers; p.Spec.Containers = nil }), none},
		"a port that is UDP is not asked of": {[]string{ingress(`{ports: [{port: 9000, endPort: 9093}]}`)}, changed(nothing), none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := none
			if c, ok := policiesOf(t, test.specs...).forbiddenFlow(smokePod, test.pods); ok {
				got = fmt.Sprintf("%s %s:%d beside %d", c.Target.Pod, c.Target.Host, c.Target.Port, c.Target.AllowedPort)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
