package cluster

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
)

// said is a docker whose commands say one thing.
type fakeOutput struct {
	text string
	err  error
	args []string
}

func (s *fakeOutput) Run(_ context.Context, _ io.Reader, stdout io.Writer, args ...string) error {
	s.args = args
	_, _ = io.WriteString(stdout, s.text)
	return s.err
}

func TestNode_Exit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		docker fakeOutput
		code   int
		ok     bool
	}{
		"well":                           {fakeOutput{text: `{"Version":"v1","FinishedAt":1795900874602832925,"ExitCode":0}`}, 0, true},
		"not well":                       {fakeOutput{text: `{"Version":"v1","FinishedAt":1795900874602832925,"ExitCode":3}`}, 3, true},
		"not yet":                        {fakeOutput{text: `{"Version":"v1","FinishedAt":0,"ExitCode":0}`}, 0, false},
		"in words of another time":       {fakeOutput{text: `{"Version":"v2","FinishedAt":1795900874602832925,"ExitCode":0}`}, 0, false},
		"in no words":                    {fakeOutput{text: "{"}, 0, false},
		"of a container that it has not": {fakeOutput{err: errors.New("no such file")}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, ok := Node{"node-1", &test.docker}.Exit(t.Context(), "containerd://0a1b")
			if code != test.code || ok != test.ok {
				t.Errorf("got %d, %v", code, ok)
			}
			want := []string{"exec", "--privileged", "node-1", "sh", "-c", exitScript, "exit", "0a1b"}
			if !slices.Equal(test.docker.args, want) {
				t.Errorf("docker %q", test.docker.args)
			}
		})
	}
}
