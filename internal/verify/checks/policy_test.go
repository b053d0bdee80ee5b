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
	denyAll        = `{podSelector: {}, policyTypes: [Ingress]}`
)

func ingress(rule string) string {
	return `{podSelector: {matchLabels: {app: store}}, policyTypes: [Ingress], ingress: [` + rule + `]}`
}

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
		"no policy":                                  {in, nil, false},
		"deny all":                                   {in, []string{denyAll}, true},
		"deny all ingress, egress evaluated":         {out, []string{denyAll}, false},
		"policy of another pod":                      {in, []string{`{podSelector: {matchLabels: {app: other}}, policyTypes: [Ingress]}`}, false},
		"another port only":                          {in, []string{onlyClientPort}, true},
		"another policy allows it":                   {in, []string{denyAll, ingress(`{ports: [{port: 9093}]}`)}, false},
		"rule without ports and peers":               {in, []string{ingress(`{}`)}, false},
		"no types":                                   {in, []string{`{podSelector: {}}`}, true},
		"no types, egress rules":                     {out, []string{`{podSelector: {}, egress: [{ports: [{port: 53}]}]}`}, true},
		"no types, no egress rules":                  {out, []string{`{podSelector: {}}`}, false},
		"ingress rules without the type":             {in, []string{`{podSelector: {}, policyTypes: [Egress], ingress: [{}]}`}, false},
		"other pods only":                            {in, []string{ingress(`{from: [{podSelector: {matchLabels: {app: shop}}}]}`)}, true},
		"pods by expression":                         {in, []string{ingress(`{from: [{podSelector: {matchExpressions: [{key: tkdeploy.dev/smoke, operator: Exists}]}}]}`)}, false},
		"pods with another label too":                {in, []string{ingress(`{from: [{podSelector: {matchLabels: {tkdeploy.dev/smoke: "true", app: shop}}}]}`)}, true},
		"one of several peers":                       {in, []string{ingress(`{from: [{podSelector: {matchLabels: {app: shop}}}, {podSelector: {}}]}`)}, false},
		"IP block":                                   {in, []string{ingress(`{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}`)}, false},
		"every namespace":                            {in, []string{ingress(`{from: [{namespaceSelector: {}}]}`)}, false},
		"this namespace by name":                     {in, []string{ingress(`{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: app}}}]}`)}, false},
		"another namespace by name":                  {in, []string{ingress(`{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]}`)}, true},
		"any other namespace":                        {in, []string{ingress(`{from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [app]}]}}]}`)}, true},
		"namespace by unknown label":                 {in, []string{ingress(`{from: [{namespaceSelector: {matchLabels: {team: a}}}]}`)}, false},
		"other pods in a namespace by unknown label": {in, []string{ingress(`{from: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: prometheus}}}]}`)}, true},
		"port by number":                             {in, []string{ingress(`{ports: [{port: 9093}]}`)}, false},
		"port by name":                               {in, []string{ingress(`{ports: [{port: admin}]}`)}, false},
		"another port by name":                       {in, []string{ingress(`{ports: [{port: client}]}`)}, true},
		"port name for UDP":                          {in, []string{ingress(`{ports: [{port: gossip}]}`)}, false},
		"unknown port name":                          {in, []string{ingress(`{ports: [{port: metrics}]}`)}, false},
		"port for UDP":                               {in, []string{ingress(`{ports: [{port: 9093, protocol: UDP}]}`)}, true},
		"all TCP ports":                              {in, []string{ingress(`{ports: [{protocol: TCP}]}`)}, false},
		"range that ends at the port":                {in, []string{ingress(`{ports: [{port: 9000, endPort: 9093}]}`)}, false},
		"range that ends before the port":            {in, []string{ingress(`{ports: [{port: 9000, endPort: 9092}]}`)}, true},
		"one of several ports":                       {in, []string{ingress(`{ports: [{port: 9092}, {port: 9093}]}`)}, false},
		"peer of one rule, port of another":          {in, []string{ingress(`{from: [{podSelector: {}}], ports: [{port: 9092}]}, {from: [{podSelector: {matchLabels: {app: shop}}}], ports: [{port: 9093}]}`)}, true},
		"egress to other pods only":                  {out, []string{egress(`{to: [{podSelector: {matchLabels: {app: shop}}}]}`)}, true},
		"egress to the pod":                          {out, []string{egress(`{to: [{podSelector: {matchLabels: {app: store}}}]}`)}, false},
		"egress by port name of the target":          {out, []string{egress(`{ports: [{port: client}]}`)}, true},
		"egress to an address":                       {out, []string{egress(`{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}`)}, false},
		"egress policy of the target":                {out, []string{`{podSelector: {matchLabels: {app: store}}, policyTypes: [Egress]}`}, false},
		"invalid pod selector":                       {in, []string{denyAll, `{podSelector: {matchExpressions: [{key: app, operator: Near}]}}`}, false},
		"invalid peer selector":                      {in, []string{ingress(`{from: [{podSelector: {matchExpressions: [{key: app, operator: Near}]}}]}`)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := policiesOf(t, test.specs...).forbid(test.direction, smokePod, podStore(), 9093); got != test.want {
				t.Errorf("got forbidden %t, want %t", got, test.want)
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
		"port not allowed":             {[]string{onlyClientPort}, changed(nothing), "store-0 10.244.0.7:9093, allowed 9092"},
		"no policy":                    {nil, changed(nothing), none},
		"no pod":                       {[]string{onlyClientPort}, nil, none},
		"no allowed port":              {[]string{denyAll}, changed(nothing), none},
		"every port allowed":           {[]string{ingress(`{}`)}, changed(nothing), none},
		"forbidden by egress only":     {[]string{egressToClientPort}, changed(nothing), "store-0 10.244.0.7:9093, allowed 9092"},
		"no port allowed by both ends": {[]string{onlyClientPort, egress(`{ports: [{port: 9093}]}`)}, changed(nothing), none},
		"first pod by name":            {[]string{onlyClientPort}, second(nothing), "store-0 10.244.0.7:9093, allowed 9092"},
		"first ready pod":              {[]string{onlyClientPort}, second(func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }), "store-1 10.244.0.8:9093, allowed 9092"},
		"ingress before egress":        {[]string{`{podSelector: {matchLabels: {app: other}}, ingress: [{ports: [{port: 9092}]}]}`, egressToClientPort}, second(func(p *corev1.Pod) { p.Name, p.Labels["app"] = "zoo-0", "other" }), "zoo-0 10.244.0.7:9093, allowed 9092"},
		"terminating pod":              {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }), none},
		"pod without address":          {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.Status.PodIP = "" }), none},
		"pod in the host network":      {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.Spec.HostNetwork = true }), none},
		"smoke test pod":               {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.Labels[SmokeLabel] = "true" }), none},
		"port of an init container":    {[]string{onlyClientPort}, changed(func(p *corev1.Pod) { p.Spec.InitContainers = p.Spec.Containers; p.Spec.Containers = nil }), none},
		"UDP port":                     {[]string{ingress(`{ports: [{port: 9000, endPort: 9093}]}`)}, changed(nothing), none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := none
			if c, ok := ForPolicies("app", policiesOf(t, test.specs...).items, smokePod, test.pods); ok {
				got = fmt.Sprintf("%s %s:%d, allowed %d", c.Target.Pod, c.Target.Host, c.Target.Port, c.Target.AllowedPort)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
