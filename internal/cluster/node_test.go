package cluster

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

type fakeOutput struct {
	text string
	err  error
	args []string
}

func (d *fakeOutput) Run(_ context.Context, _ io.Reader, stdout io.Writer, args ...string) error {
	d.args = args
	_, _ = io.WriteString(stdout, d.text)
	return d.err
}

func TestNode_Run(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ failure, hint string }{
		"paused node":    {"docker exec: exit status 1: Error response from daemon: Container 0a1b is paused, unpause the container before exec", "docker unpause node-1"},
		"failed command": {"docker exec: exit status 1: no such file", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Node{"node-1", &fakeOutput{err: errors.New(test.failure)}}.Run(t.Context(), nil, io.Discard, "ctr", "version")
			if err == nil || err.Error() != "run ctr in node node-1: "+test.failure || fault.HintOf(err) != test.hint {
				t.Errorf("got %v, hint %q, want the failure with hint %q", err, fault.HintOf(err), test.hint)
			}
		})
	}
}

func TestNode_Exit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		docker fakeOutput
		code   int
		ok     bool
	}{
		"exit code 0":               {fakeOutput{text: `{"Version":"v1","FinishedAt":1795900874602832925,"ExitCode":0}`}, 0, true},
		"exit code 3":               {fakeOutput{text: `{"Version":"v1","FinishedAt":1795900874602832925,"ExitCode":3}`}, 3, true},
		"still running":             {fakeOutput{text: `{"Version":"v1","FinishedAt":0,"ExitCode":0}`}, 0, false},
		"status of another version": {fakeOutput{text: `{"Version":"v2","FinishedAt":1795900874602832925,"ExitCode":0}`}, 0, false},
		"invalid JSON":              {fakeOutput{text: "{"}, 0, false},
		"unknown container":         {fakeOutput{err: errors.New("no such file")}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, ok := Node{"node-1", &test.docker}.Exit(t.Context(), "containerd://0a1b")
			if code != test.code || ok != test.ok {
				t.Errorf("got %d, %t, want %d, %t", code, ok, test.code, test.ok)
			}
			want := []string{"exec", "--privileged", "node-1", "sh", "-c", exitScript, "exit", "0a1b"}
			if diff := cmp.Diff(want, test.docker.args); diff != "" {
				t.Errorf("docker arguments (-want +got):\n%s", diff)
			}
		})
	}
}
