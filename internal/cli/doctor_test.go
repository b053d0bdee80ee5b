package cli

import (
	"bytes"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/doctor"
)

func TestPrintDoctorReport(t *testing.T) {
	t.Parallel()
	d := doctor.Report{Checks: []doctor.Result{
		{Name: "waits for the second", Status: doctor.OK, Message: "done"},
		{Name: "second", Status: doctor.OK, Message: "done"},
		{Name: "minds its deadline", Status: doctor.Fail, Message: "context deadline exceeded"},
		{Name: "minds nothing", Status: doctor.Fail, Message: "no answer within 3s"},
	}}
	var out bytes.Buffer
	if err := printDoctorReport(&out, &d, false); err != nil {
		t.Fatal(err)
	}
	want := "ok     waits for the second   done\nok     second                 done\n" +
		"fail   minds its deadline     context deadline exceeded\nfail   minds nothing          no answer within 3s\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
