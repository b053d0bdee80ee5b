package release

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestClient_MarkVerified(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	d := shop()
	d.Commit = "abc123"
	mustApply(t, c, d)
	mustVerify(t, c, 1)
	s, err := c.Status(t.Context())
	if err != nil || !s.Verified || s.Commit != "abc123" || s.Chart != "shop-0.1.0" || s.Status != "deployed" || len(s.Objects) != 4 {
		t.Errorf("got %+v, %v, want verified commit abc123 with 4 objects", s, err)
	}
	if o := mustObserve(t, c, d); !o.Current || !o.Deployed.Verified {
		t.Errorf("got %+v, want current and verified", o)
	}
	server.TakeWrites()
	if err := c.MarkVerified(t.Context(), 1); err != nil || len(server.TakeWrites()) > 0 {
		t.Errorf("second mark: got a write or error %v, want neither", err)
	}
	d.Commit, d.Set = "", []string{"services.auth.port=4009"}
	mustApply(t, c, d)
	history, err := c.History(t.Context())
	if err != nil || len(history) != 2 {
		t.Fatal(history, err)
	}
	if !history[0].Verified || history[1].Verified || history[1].Commit != "" {
		t.Errorf("got %+v, want only revision 1 verified", history)
	}
	if err := c.MarkVerified(t.Context(), 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("revision 7: got %v, want %v", err, ErrNotFound)
	}
}

func TestClient_History(t *testing.T) {
	t.Parallel()
	t.Run("holds at most MaxHistory revisions", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := shop()
		d.MaxHistory = 3
		for _, port := range []string{"1", "2", "3", "4", "5"} {
			d.Set = []string{"services.auth.port=" + port}
			mustApply(t, c, d)
		}
		history, err := c.History(t.Context())
		if err != nil || len(history) != 3 || history[2].Revision != 5 || history[2].Status != "deployed" {
			t.Errorf("got %+v, %v, want 3 revisions up to 5", history, err)
		}
	})

	t.Run("keeps the newest verified revision", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := shop()
		d.MaxHistory = 3
		mustApply(t, c, d)
		mustVerify(t, c, 1)
		for _, port := range []string{"1", "2", "3", "4"} {
			d.Set = []string{"services.auth.port=" + port}
			mustApply(t, c, d)
		}
		var kept []int
		for _, r := range mustHistory(t, c) {
			kept = append(kept, r.Revision)
		}
		if diff := cmp.Diff([]int{1, 4, 5}, kept); diff != "" {
			t.Errorf("stored revisions (-want +got):\n%s", diff)
		}
		const want = "revision 1 (shop-0.1.0, verified); skipped: revision 4 (not verified)"
		if r, err := c.ResolveRollback(t.Context(), 0); err != nil || r.String() != want {
			t.Errorf("got %q, %v, want %q", r, err, want)
		}
	})

	t.Run("redacts Secrets in descriptions", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := upgraded(t, server)
		password, _ := chart.Lookup(server.Get(secretPath), []string{"data", "DB_PASSWORD"}).(string)
		plain, err := base64.StdEncoding.DecodeString(password)
		if err != nil || len(plain) == 0 {
			t.Fatal(password, err)
		}
		history, err := c.helm.Releases.History(c.name)
		if err != nil {
			t.Fatal(err)
		}
		history[0].Info.Description = "Upgrade failed: Secret is invalid: " + password + " " + string(plain)
		if err := c.helm.Releases.Update(history[0]); err != nil {
			t.Fatal(err)
		}
		for _, r := range mustHistory(t, c) {
			if strings.Contains(r.Description, password) || strings.Contains(r.Description, string(plain)) {
				t.Errorf("got %+v, want no password", r)
			}
		}
	})

	t.Run("records who wrote a revision", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		ada := newClient(t, server, Options{User: "ada", Host: "laptop.example.com"})
		mustApply(t, ada, shop())
		mustVerify(t, ada, 1)
		d := shop()
		d.Set = []string{"services.auth.port=4009"}
		mustApply(t, ada, d)
		if _, err := newClient(t, server, Options{User: `OFFICE\bob`}).Rollback(t.Context(), 0, event.Discard); err != nil {
			t.Fatal(err)
		}
		history := mustHistory(t, ada)
		for i, want := range []string{"ada laptop.example.com", "ada laptop.example.com", "OFFICE-bob "} {
			if got := history[i].User + " " + history[i].Host; got != want {
				t.Errorf("revision %d: got %q, want %q", i+1, got, want)
			}
		}
	})

	t.Run("lists the changes of each revision", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := upgraded(t, server)
		d := shop()
		d.Images = map[string]chart.ImageRef{"services.auth.image": {Repository: "shop-auth", Tag: "2"}}
		d.Set = []string{"services.auth.port=4009", "services.auth.env.PASSWORD=hunter2"}
		d.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "name: shop-config", "name: shop-settings")
		mustApply(t, c, d)
		server.Remove(deploymentPath)
		mustApply(t, c, d)
		d.Images["services.auth.image"] = chart.ImageRef{Repository: "registry:5000/auth", Tag: "3"}
		mustApply(t, c, d)
		want := []string{
			"",
			"image services.auth.image changed shop-auth:1 -> 2",
			"values changed: services.auth.env.PASSWORD, services.auth.port; chart changed: templates/all.yaml",
			"",
			"image services.auth.image changed shop-auth:2 -> registry:5000/auth:3",
		}
		for i, r := range mustHistory(t, c) {
			if got := strings.Join(r.Changes, "; "); got != want[i] {
				t.Errorf("revision %d: got %q, want %q", r.Revision, got, want[i])
			}
		}
	})
}

func mustHistory(t *testing.T, c *Client) []Revision {
	t.Helper()
	history, err := c.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return history
}
