package listener

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parse     func(string) string
		out, want string
	}{
		"ss":                   {parseSS, `LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=42,fd=6),("nginx",pid=43,fd=6))` + "\n", "nginx (pid=42)"},
		"ss without the right": {parseSS, "LISTEN 0 511 0.0.0.0:80 0.0.0.0:*\n", ""},
		"lsof":                 {parseLsof, "p42\ncnginx\nf6\np43\ncnginx\nf6\n", "nginx (pid=42)"},
		"lsof, name of a Mac":  {parseLsof, "p501\ncControlCe\nf9\nf10\n", "ControlCe (pid=501)"},
		"lsof without process": {parseLsof, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.parse(test.out); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestProcess(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ss"); err != nil {
		if _, err := exec.LookPath("lsof"); err != nil {
			t.Skip("neither ss nor lsof is installed")
		}
	}
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := Process(t.Context(), int32(l.Addr().(*net.TCPAddr).Port))
	if want := fmt.Sprintf("(pid=%d)", os.Getpid()); !strings.Contains(got, want) {
		t.Errorf("got %q, want this process %s", got, want)
	}
}
