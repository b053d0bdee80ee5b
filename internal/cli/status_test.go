package cli

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/deploy/address"
	"tkdeploy.dev/tkdeploy/internal/health"
)

func TestPrintStatus(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status deploy.Status
		want   string
	}{
		"no cluster": {
			deploy.Status{Environment: "dev", Cluster: deploy.ClusterStatus{Name: "shop-dev", Phase: cluster.Absent, Reason: "no cluster shop-dev"}},
			`ENVIRONMENT   CLUSTER    PHASE    REASON
dev           shop-dev   absent   no cluster shop-dev
`,
		},
		"a stopped cluster": {
			deploy.Status{Environment: "dev", Cluster: deploy.ClusterStatus{
				Name: "shop-dev", Phase: cluster.Stopped, Reason: "node shop-dev-control-plane is stopped",
				Nodes: []cluster.NodeStatus{{Name: "shop-dev-control-plane"}},
			}},
			`ENVIRONMENT   CLUSTER    PHASE     REASON
dev           shop-dev   stopped   node shop-dev-control-plane is stopped

NODE                     STATUS     VERSION
shop-dev-control-plane   NotReady   -
`,
		},
		"a running release": {
			deploy.Status{
				Environment: "ci",
				Cluster: deploy.ClusterStatus{
					Name: "shop-ci", Phase: cluster.Running, Reason: "cluster shop-ci runs Kubernetes v1.37.0",
					Nodes: []cluster.NodeStatus{{Name: "shop-ci-control-plane", Ready: true, Version: "v1.37.0"}, {Name: "shop-ci-worker", Ready: true, Version: "v1.37.0"}},
				},
				Release: &deploy.ReleaseStatus{Name: "shop", Namespace: "shop", Revision: 3, Status: "deployed", Verified: true, Chart: "shop-0.1.0"},
				Workloads: []deploy.WorkloadStatus{
					{Kind: health.Deployment, Name: "web", Ready: 2, Desired: 2, Images: []string{"shop-web:3f2a", "proxy:1"}},
					{Kind: health.StatefulSet, Name: "db", Ready: 0, Desired: 1, Images: []string{"postgres:17"}},
				},
				Services: []address.Service{{Name: "db", Ports: []string{"5432"}}, {Name: "web", Ports: []string{"80", "443"}, Address: "http://localhost:4000"}},
			},
			`ENVIRONMENT   CLUSTER   PHASE     REASON
ci            shop-ci   running   -

NODE                    STATUS   VERSION
shop-ci-control-plane   Ready    v1.37.0
shop-ci-worker          Ready    v1.37.0

RELEASE   NAMESPACE   REVISION   STATUS     VERIFIED   CHART
shop      shop        3          deployed   yes        shop-0.1.0

WORKLOAD         READY   IMAGES
deployment/web   2/2     shop-web:3f2a,proxy:1
statefulset/db   0/1     postgres:17

SERVICE   PORTS    ADDRESS
db        5432     -
web       80,443   http://localhost:4000
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := printStatus(&out, &test.status); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
