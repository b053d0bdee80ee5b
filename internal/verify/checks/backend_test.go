package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

func TestBackends(t *testing.T) {
	t.Parallel()
	const chart = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {metadata: {labels: {app: web}}, spec: {}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {replicas: 1, template: {metadata: {labels: {app: db}}, spec: {}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: train}
spec: {template: {metadata: {labels: {app: train}}, spec: {}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: nightly}}, spec: {}}}}}
---
`
	tests := map[string]struct {
		service string
		want    Backend
	}{
		"selects a workload": {
			"spec: {selector: {app: web}}",
			Backend{Selector: map[string]string{"app": "web"}, Workloads: []Workload{{"Deployment", "web", true}}},
		},
		"selects a pod of a StatefulSet": {
			"spec: {selector: {app: db, statefulset.kubernetes.io/pod-name: db-0}}",
			Backend{Selector: map[string]string{"app": "db", "statefulset.kubernetes.io/pod-name": "db-0"}, Workloads: []Workload{{"StatefulSet", "db", false}}},
		},
		"expects pods of a wrong selector": {
			"spec: {selector: {app: wbe}}",
			Backend{Selector: map[string]string{"app": "wbe"}},
		},
		"expects pods if another label is wrong": {
			"spec: {selector: {app: wbe, role: leader}}",
			Backend{Selector: map[string]string{"app": "wbe", "role": "leader"}},
		},
		"does not expect pods with a label set by the app": {
			"spec: {selector: {app: web, role: leader}}",
			Backend{Selector: map[string]string{"app": "web", "role": "leader"}, NotPromised: "no pod has the labels app=web,role=leader, and no workload of the chart sets role"},
		},
		"does not expect pods with a label set by an operator": {
			"spec: {selector: {cluster: db}}",
			Backend{Selector: map[string]string{"cluster": "db"}, NotPromised: "no pod has the labels cluster=db, and no workload of the chart sets cluster"},
		},
		"does not expect pods of a Job": {
			"spec: {clusterIP: None, selector: {app: train}}",
			Backend{Headless: true, Selector: map[string]string{"app": "train"}, NotPromised: "no pod of Job train is running"},
		},
		"does not expect pods of a CronJob": {
			"spec: {selector: {app: nightly}}",
			Backend{Selector: map[string]string{"app": "nightly"}, NotPromised: "no pod of CronJob nightly is running"},
		},
		"does not expect endpoints without a selector": {
			"spec: {ports: [{port: 5432}]}",
			Backend{NotPromised: "it has no selector and no endpoints"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Backends(manifest(t, chart+"apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"+tt.service+"\n"), "app")
			tt.want.Service, tt.want.Name, tt.want.Namespace = "s", "s", "app"
			if diff := cmp.Diff([]Backend{tt.want}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}

	for alias, reason := range map[string]string{
		"mail.example.com":           "it is an alias for mail.example.com, outside the cluster",
		"mail.infra.svc":             "",
		"mail.a.svc.cluster.local.":  "",
		"cluster.local.example.com.": "it is an alias for cluster.local.example.com., outside the cluster",
	} {
		t.Run("does not expect the network outside to resolve "+alias, func(t *testing.T) {
			t.Parallel()
			var want []Backend
			if reason != "" {
				want = []Backend{{Service: "mail", Namespace: "app", Name: "mail", Headless: true, NotPromised: reason}}
			}
			got := Backends(manifest(t, "apiVersion: v1\nkind: Service\nmetadata: {name: mail}\nspec: {type: ExternalName, externalName: "+alias+"}\n"), "app")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	checks := link([]probe.Check{
		{ID: ClusterDNS, Kind: probe.DNS},
		{ID: "web/dns", Kind: probe.DNS, Target: probe.Target{Host: "web"}},
		{ID: "web/tcp-80", Kind: probe.TCP, Target: probe.Target{Host: "web", Port: 80}},
		{ID: "web/http-health", Kind: probe.HTTP, Target: probe.Target{Host: "web", Port: 80}},
	})
	got := describe(Without(checks, func(c probe.Check) bool { return c.Kind == probe.TCP }))
	want := "cluster-dns                  dns:\n" +
		"web/dns                      dns:web  needs cluster-dns\n" +
		"web/http-health              http://web:80/  needs web/dns\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
