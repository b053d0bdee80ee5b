package release

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
	"tkdeploy.dev/tkdeploy/internal/report"
)

// TestClient_ApplyRedaction checks that no output contains a Secret that the API server
// rejects, however it is quoted.
func TestClient_ApplyRedaction(t *testing.T) {
	t.Parallel()
	const password = "hunter2-and-more\nline \"two\" of it\n"
	encoded := base64.StdEncoding.EncodeToString([]byte(password))
	quoted, err := json.Marshal(map[string]any{"data": map[string]any{"PASSWORD": encoded}, "stringData": map[string]any{"PASSWORD": password}})
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{
		"base64":       fmt.Sprintf("data: Invalid value: map[PASSWORD:%s]: no", encoded),
		"plain":        "data: Invalid value: " + password + ": no",
		"one line":     `cannot read: line "two" of it`,
		"Go":           fmt.Sprintf("Invalid value: core.Secret{Data:map[string][]uint8{\"PASSWORD\":%#v}}: no", []byte(password)),
		"quoted by Go": "unexpected " + strconv.Quote(password),
		"JSON":         "admission webhook denied the request: " + string(quoted),
		"patch":        `cannot patch "bad" with kind Secret: ` + string(quoted),
	}
	leaks := []string{encoded, "hunter2", `line "two`, `line \"two`, `line \\\"two`, "line &#34;two", "0x68, 0x75", base64.StdEncoding.EncodeToString([]byte("hunter2-and-more"))}
	d := shop()
	d.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "apiVersion: v1\nkind: ConfigMap", "apiVersion: v1\nkind: Secret\nmetadata: {name: bad}\ndata: {PASSWORD: "+encoded+"}\n---\napiVersion: v1\nkind: ConfigMap")
	for name, message := range forms {
		for _, dryRun := range []bool{true, false} {
			for _, upgrade := range []bool{true, false} {
				server := releasetest.NewServer(t)
				c := newClient(t, server, Options{})
				if upgrade {
					mustApply(t, c, shop())
				}
				server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
					isDry := r.URL.Query().Get("dryRun") != ""
					body, _ := peek(r)
					if r.Method != http.MethodPost || !strings.Contains(body, encoded) || isDry && !dryRun {
						return false
					}
					code, response := releasetest.Status(http.StatusUnprocessableEntity, "Invalid", `Secret "bad" is invalid: `+message)
					releasetest.Respond(w, code, response)
					return true
				})
				output := applyOutput(t, c, d)
				for _, leak := range leaks {
					if i := strings.Index(output, leak); i >= 0 {
						t.Errorf("%s, dry run %v, upgrade %v: got …%s, want no %q", name, dryRun, upgrade, output[max(i-200, 0):min(i+100, len(output))], leak)
					}
				}
			}
		}
	}
}

func peek(r *http.Request) (string, error) {
	var body bytes.Buffer
	_, err := body.ReadFrom(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body.Bytes()))
	return body.String(), err
}

func applyOutput(t *testing.T, c *Client, d chart.Desired) string {
	t.Helper()
	var out bytes.Buffer
	dir := t.TempDir()
	junit, page := filepath.Join(dir, "junit.xml"), filepath.Join(dir, "report.html")
	explain := func(err error) string { return err.Error() + fault.HintOf(err) }
	reporter := report.New(report.Options{
		Out: &out, Err: &out, JSON: true, Timings: true,
		JUnit: report.JUnitOptions{Path: junit, Class: func(_ string, err error) fault.Class { return fault.ClassOf(err) }, Explain: explain},
		HTML:  report.HTMLOptions{Path: page, Explain: explain},
	})
	reporter.Report(event.Event{Kind: event.RunStarted, Plan: []event.StageInfo{{ID: "release", Title: "Release"}}})
	_, err := c.Apply(t.Context(), d, reporter)
	if err == nil {
		t.Fatal("got no error, want the rejected Secret")
	}
	reporter.Report(event.Event{Kind: event.StageFinished, Stage: "release", Outcome: event.Failed, Err: err})
	reporter.Report(event.Event{Kind: event.RunFinished, Outcome: event.Failed, Exit: 13})
	if err := reporter.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{junit, page} {
		written, readErr := os.ReadFile(file)
		if readErr != nil {
			t.Fatal(readErr)
		}
		out.Write(written)
	}
	history, _ := c.History(t.Context()) // none if the dry run rejected an install
	return fmt.Sprintf("%s\n%v %+v %s\n%+v", out.String(), err, err, fault.HintOf(err), history)
}
