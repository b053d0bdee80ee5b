package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/deploy"
)

func TestPrintHistory(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.Local)
	h := &deploy.History{Name: "shop", Namespace: "shop", Revisions: []deploy.HistoryRevision{
		{Revision: 1, Updated: at, Status: "superseded", Verified: true, Chart: "shop-0.1.0", AppVersion: "1.2", Commit: "3a326b1fe0c2", By: "ada@laptop", Description: "no release yet"},
		{Revision: 2, Updated: at, Status: "failed", Chart: "shop-0.1.0", Description: "Upgrade failed: quota\nmore"},
		{Revision: 3, Updated: at, Status: "deployed", Verified: true, Current: true, Chart: "shop-0.1.0", AppVersion: "1.2", Commit: "3a326b1fe0c2", Description: "Rollback to 1", Changes: []string{"values changed: a.b", "chart changed: Chart.yaml"}},
	}}
	var out bytes.Buffer
	if err := printHistory(&out, h, false); err != nil {
		t.Fatal(err)
	}
	const want = `CURRENT   REVISION   UPDATED               STATUS       VERIFIED   CHART        APP VERSION   COMMIT         BY           DESCRIPTION
          1          2026-11-24 08:00:00   superseded   yes        shop-0.1.0   1.2           3a326b1fe0c2   ada@laptop   no release yet
          2          2026-11-24 08:00:00   failed       no         shop-0.1.0   -             -              -            Upgrade failed: quota …
*         3          2026-11-24 08:00:00   deployed     yes        shop-0.1.0   1.2           3a326b1fe0c2   -            Rollback to 1
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	out.Reset()
	if err := printHistory(&out, h, true); err != nil || !strings.Contains(out.String(), "BY           CHANGES\n") ||
		!strings.Contains(out.String(), "   values changed: a.b; chart changed: Chart.yaml\n") {
		t.Errorf("got %v and a table without the changes:\n%s", err, out.String())
	}
	out.Reset()
	h.Revisions = nil
	if err := printHistory(&out, h, false); err != nil || out.String() != "no release shop in namespace shop\n" {
		t.Errorf("got %q, %v for a release without revisions", out.String(), err)
	}
}
