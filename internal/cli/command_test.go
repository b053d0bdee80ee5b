package cli

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/golden"
)

var update = flag.Bool("update", false, "rewrite docs/cli.md")

// TestReference checks that docs/cli.md is up to date; -update rewrites it.
func TestReference(t *testing.T) {
	t.Parallel()
	golden.Compare(t, filepath.Join("..", "..", "docs", "cli.md"), reference(commands(Streams{})), *update)
}

func reference(commands []command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Command line\n\n%s: `tkdeploy COMMAND [flags]`.\n\n", appSummary)
	b.WriteString("Results are printed to standard output, everything else to standard error. [events.md](events.md) describes\n" +
		"`--output json`, the reports and the support bundle. This page is generated from the command definitions.\n\n")
	b.WriteString("| Command | Description |\n|---|---|\n")
	for _, c := range commands {
		if !c.hidden {
			fmt.Fprintf(&b, "| [%s](#tkdeploy-%s) | %s |\n", c.name, c.name, c.summary)
		}
	}
	for _, c := range commands {
		if !c.hidden {
			writeSection(&b, c)
		}
	}
	b.WriteString("\n## Exit codes\n\n| Code | Meaning |\n|---:|---|\n")
	for _, row := range exitCodeRows() {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	return b.String()
}

func writeSection(b *strings.Builder, c command) {
	fmt.Fprintf(b, "\n## tkdeploy %s\n\n%s.\n\n```\n%s\n```\n", c.name, c.summary, c.usage())
	if c.details != "" {
		fmt.Fprintf(b, "\n%s\n", c.details)
	}
	fmt.Fprintf(b, "\nExamples:\n\n```\n%s```\n", unindent(columns(exampleRows(c.examples))))
	b.WriteString("\n| Flag | Description |\n|---|---|\n")
	for _, row := range flagRows(c.flags) {
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.TrimSpace(row[0]), strings.ReplaceAll(row[1], "|", `\|`))
	}
}

// TestCommands checks the form of each command's help.
func TestCommands(t *testing.T) {
	t.Parallel()
	for _, c := range commands(Streams{}) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.summary == "" || strings.HasSuffix(c.summary, ".") || strings.ToUpper(c.summary[:1]) != c.summary[:1] {
				t.Errorf("got summary %q, want one capitalized line without a full stop", c.summary)
			}
			if len(c.examples) == 0 && !c.hidden {
				t.Error("got no example")
			}
			for _, f := range c.flags {
				usage, placeholder := unquote(f)
				if takesValue := !strings.HasPrefix(fmt.Sprintf("%T", f), "*cli.Bool"); takesValue != (placeholder != "") {
					t.Errorf("flag %s: got placeholder %q", flagName(f), placeholder)
				}
				if strings.HasSuffix(usage, ".") || strings.ToUpper(usage[:1]) != usage[:1] {
					t.Errorf("flag %s: got %q, want a capitalized phrase without a full stop", flagName(f), usage)
				}
			}
			for _, line := range strings.Split(c.help(), "\n") {
				if len(line) > 110 {
					t.Errorf("got a line of %d columns, want at most 110: %s", len(line), line)
				}
			}
		})
	}
}

// TestManPages checks that each page has the help of its command.
func TestManPages(t *testing.T) {
	t.Parallel()
	pages := ManPages("v1.2.3")
	unescape := strings.NewReplacer(`\-`, "-", `\(aq`, "'", `\(ti`, "~", `\(dq`, `"`, `\&`, "", `\e`, `\`)
	for _, c := range commands(Streams{}) {
		page, ok := pages["tkdeploy-"+c.name+".1"]
		if ok == c.hidden {
			t.Errorf("%s: got a page: %t, want %t", c.name, ok, !c.hidden)
		}
		want := []string{"tkdeploy v1.2.3", "tkdeploy-" + c.name + " - " + c.summary, c.details, c.usage()}
		for _, row := range flagRows(c.flags) {
			want = append(want, strings.TrimSpace(row[0]), row[1])
		}
		for _, example := range c.examples {
			want = append(want, example.line)
		}
		for _, text := range want {
			for line := range strings.SplitSeq(text, "\n") {
				if !c.hidden && !strings.Contains(unescape.Replace(page), line) {
					t.Errorf("%s: got no %q in the page", c.name, line)
				}
			}
		}
	}
	for _, want := range []string{"tkdeploy \\- " + appSummary, "rollback", "EXIT STATUS", `tkdeploy\-up(1)`} {
		if !strings.Contains(pages["tkdeploy.1"], want) {
			t.Errorf("got no %q in tkdeploy.1", want)
		}
	}
}
