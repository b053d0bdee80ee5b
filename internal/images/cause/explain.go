package cause

import (
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// maxNames is how many names of a kind an explanation contains.
const maxNames = 3

// format returns the changes in one line: "base golang:1.26 moved; main.go changed".
func format(changes []change) string {
	var parts []string
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].kind == changes[0].kind {
			n++
		}
		parts = append(parts, formatKind(changes[:n])...)
		changes = changes[n:]
	}
	return strings.Join(parts, "; ")
}

func formatKind(changes []change) []string {
	kind := changes[0].kind
	if len(changes) > maxNames {
		more := text.Plural(len(changes)-maxNames, "more "+string(kind))
		return []string{fmt.Sprintf("%s%s and %s changed", label(kind), nameList(changes[:maxNames]), more)}
	}
	var parts []string
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].verb == changes[0].verb {
			n++
		}
		parts = append(parts, label(kind)+nameList(changes[:n])+" "+changes[0].verb)
		changes = changes[n:]
	}
	return parts
}

func label(k Kind) string {
	switch k {
	case Base, Argument, Secret:
		return string(k) + " "
	}
	return ""
}

func nameList(changes []change) string {
	var names []string
	for _, c := range changes {
		names = append(names, strings.TrimPrefix(c.name, "docker.io/library/"))
	}
	return strings.Join(names, ", ")
}
