package supportbundle

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// codeBlock indents s, because s could contain the end of a fenced block.
func codeBlock(s string) string {
	return "    " + text.Indent(strings.TrimSpace(s), "    ") + "\n"
}

// markdownTable formats rows, header first. The table is aligned as plain text too.
func markdownTable(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(text.OneLine(row[i]), "|", `\|`)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	last := len(widths) - 1
	rule[last] = "---"
	var out strings.Builder
	for _, row := range slices.Insert(rows, 1, rule) {
		for i, cell := range row[:last] {
			fmt.Fprintf(&out, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintf(&out, "| %s |\n", row[last])
	}
	return out.String()
}
