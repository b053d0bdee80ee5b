package cli

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/doctor"
)

func TestPrintDoctorReport(t *testing.T) {
	t.Parallel()
	d := doctor.Report{Checks: []doctor.Result{
		{Name: "waits for the second", Status: doctor.OK, Message: "done"},
		{Name: "second", Status: doctor.OK, Message: "done"},
		{Name: "respects its deadline", Status: doctor.Fail, Message: "context deadline exceeded"},
		{Name: "ignores its deadline", Status: doctor.Fail, Message: "no answer within 3s"},
	}}
	var out bytes.Buffer
	if err := printDoctorReport(&out, &d, false); err != nil {
		t.Fatal(err)
	}
	want := "ok     waits for the second    done\nok     second                  done\n" +
		"fail   respects its deadline   context deadline exceeded\nfail   ignores its deadline    no answer within 3s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
