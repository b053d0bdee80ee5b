package man_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/cli/man"
)

var page = man.Page{
	Name: "tool-run", Version: "tool v1.2.3-rc.1", Summary: "Run a tool", Synopsis: "tool run [flags] [FILE]",
	Text: "Reads FILE,\n.hidden files too.\n\n'quoted' and \\escaped text.",
	Sections: []man.Section{
		{Title: "Options", Terms: [][2]string{{"--set VALUE", `Set a "VALUE"`}, {"-h, --help", "Show help"}}},
		{Title: "Examples", Lines: []string{"tool run a~b", ".tool", "tool 'x' | `y`"}},
	},
}

func TestPage_Render(t *testing.T) {
	t.Parallel()
	want := `.TH TOOL\-RUN 1 "" "tool v1.2.3\-rc.1" "User Commands"
.nh
.ad l
.SH NAME
tool\-run \- Run a tool
.SH SYNOPSIS
tool run [flags] [FILE]
.SH DESCRIPTION
Reads FILE,
\&.hidden files too.
.PP
\(aqquoted\(aq and \eescaped text.
.SH OPTIONS
.TP
\fB\-\-set VALUE\fR
Set a \(dqVALUE\(dq
.TP
\fB\-h, \-\-help\fR
Show help
.SH EXAMPLES
.nf
tool run a\(tib
\&.tool
tool \(aqx\(aq | \(gay\(ga
.fi
`
	if diff := cmp.Diff(want, page.Render()); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

// TestPage_Render_groff reads the page as man does.
func TestPage_Render_groff(t *testing.T) {
	t.Parallel()
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff not found")
	}
	cmd := exec.CommandContext(t.Context(), groff, "-man", "-Tascii", "-ww", "-P-cbou")
	cmd.Stdin = strings.NewReader(page.Render())
	var warnings strings.Builder
	cmd.Stderr = &warnings
	output, err := cmd.Output()
	if err != nil || warnings.Len() > 0 {
		t.Fatalf("groff: %v: %s", err, warnings.String())
	}
	for _, want := range []string{"tool-run - Run a tool", "Reads FILE, .hidden files too.", `'quoted' and \escaped text.`, "--set VALUE", "tool 'x' | `y`"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("got no %q in:\n%s", want, output)
		}
	}
}
