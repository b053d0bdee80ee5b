package modules

import (
	"fmt"
	"io"
	"strings"
)

// WriteNotices writes the list of modules and the texts of their licenses and notices.
// Equal texts are written once.
func WriteNotices(w io.Writer, modules []Module) error {
	var b strings.Builder
	b.WriteString("Third-party software in tkdeploy\n\n" +
		"tkdeploy contains the Go standard library (std) and these Go modules, unchanged. Their source is\n" +
		"available under the names and versions listed here, for example with \"go mod download MODULE@VERSION\".\n\n")
	owners := make(map[string][]string) // by text
	var texts []string
	for _, m := range modules {
		fmt.Fprintf(&b, "  %s %s: %s\n", m.Path, m.Version, m.Expression())
		for _, f := range m.Licenses {
			text := strings.TrimSpace(strings.ReplaceAll(f.Text, "\r\n", "\n"))
			if owners[text] == nil {
				texts = append(texts, text)
			}
			owners[text] = append(owners[text], m.Path+": "+f.Name)
		}
	}
	for _, text := range texts {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(owners[text], "\n"), text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
