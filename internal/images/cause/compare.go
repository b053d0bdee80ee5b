package cause

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// change is a difference between the inputs of two images.
type change struct {
	kind Kind
	name string
	verb string // such as "changed"
}

// instructions is the kind of changes of the Dockerfile.
const instructions Kind = "instructions"

var order = []Kind{Base, Argument, instructions, Setting, Secret, File, Dir}

// compare returns what distinguishes now, whose record is new, from an older image.
func compare(old, current record, now Inputs) []change {
	var changes []change
	for _, i := range now.Inputs {
		before, known := old.Inputs[i.key()]
		after := current.Inputs[i.key()]
		verb := ""
		switch {
		case isFile(i.Kind) && old.WithoutFiles, before == after:
			continue
		case !known:
			verb = "added"
		case i.Kind == Base:
			verb = "moved"
		case before.Hash == after.Hash:
			verb = "changed (mode)"
		default:
			verb = "changed"
		}
		changes = append(changes, change{i.Kind, i.Name, verb})
	}
	for key := range old.Inputs {
		if _, kept := current.Inputs[key]; !kept {
			kind, name, _ := strings.Cut(key, " ")
			changes = append(changes, change{Kind(kind), name, "removed"})
		}
	}
	changes = append(changes, compareDockerfile(old, current, now)...)
	return significant(changes, now.Dockerfile)
}

func isFile(k Kind) bool { return k == File || k == Dir }

// compareDockerfile names the first instruction that differs.
func compareDockerfile(old, current record, now Inputs) []change {
	if old.Text == current.Text {
		return nil
	}
	a, b := old.Instructions, current.Instructions
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	a, b = a[start:], b[start:]
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	switch {
	case len(a) == 0 && len(b) == 0 && start > 0:
		return []change{{instructions, now.Dockerfile, "changed (comments or layout)"}}
	case len(a) == 0 && len(b) == 0, len(b) == 0:
		return []change{{instructions, now.Dockerfile, "changed"}}
	}
	first := now.Instructions[start]
	verb := "changed"
	if len(a) == 0 {
		verb = "added"
	}
	return []change{{instructions, fmt.Sprintf("%s line %d (%s)", now.Dockerfile, first.Line, first.Keyword), verb}}
}

// significant sorts the changes and omits those that others imply: directories of
// changed files, the bases of a changed argument or instruction, files that a changed
// instruction no longer or newly reads, and the Dockerfile as a file of the context.
// Git's own files count as one.
func significant(changes []change, dockerfile string) []change {
	has := map[Kind]bool{}
	for _, c := range changes {
		has[c.kind] = true
	}
	changes = slices.DeleteFunc(changes, func(c change) bool {
		implied := c.kind == Base && c.verb != "moved" && (has[Argument] || has[instructions])
		implied = implied || isFile(c.kind) && has[instructions] && (c.name == dockerfile || verbRank(c.verb) >= 0)
		return implied || c.kind == Dir && has[File]
	})
	for i, c := range changes {
		if isFile(c.kind) && (c.name == ".git" || strings.HasPrefix(c.name, ".git/")) {
			changes[i] = change{File, ".git", "changed"}
		}
	}
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.kind), slices.Index(order, b.kind)),
			cmp.Compare(verbRank(a.verb), verbRank(b.verb)),
			cmp.Compare(a.verb, b.verb),
			cmp.Compare(a.name, b.name))
	})
	return slices.Compact(changes)
}

// verbRank puts what changed before what was added or removed.
func verbRank(verb string) int { return slices.Index([]string{"added", "removed"}, verb) }
