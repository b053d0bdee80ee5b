//go:build e2e

package e2e

import "testing"

// testDatabaseReplicas scales PostgreSQL to a primary and two replicas, which must receive
// later writes.
func testDatabaseReplicas(t *testing.T, p *project) {
	p.run(t, "up", "--no-verify", "--set", "postgresql.replicas=3").wantExit(t, 0)
	if n := querySQL(t, "postgres-0", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"); n != "2" {
		t.Errorf("got %s streaming replicas, want 2", n)
	}
	author := newUser(t, "replicated")
	author.postVideo(t, "seen everywhere")
	for _, pod := range []string{"postgres-1", "postgres-2"} {
		waitFor(t, "the video to reach "+pod, func() bool {
			return querySQL(t, pod, "SELECT count(*) FROM video.videos WHERE title = 'seen everywhere' AND pg_is_in_recovery()") == "1"
		})
	}
	author.deleteAccount(t)
}

func querySQL(t *testing.T, pod, sql string) string {
	t.Helper()
	return docker(t, "exec", stackNode, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "--namespace", stackNamespace,
		"exec", pod, "--", "psql", "--host=/run/postgresql", "--username=postgres", "--dbname=tiktok_clone", "--tuples-only", "--no-align", "--command="+sql)
}
