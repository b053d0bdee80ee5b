package strictyaml

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// listedKeys is how many known keys a hint may list: more is no help.
const listedKeys = 8

// UnknownKey is the problem of a key that is none of the known ones. Its hint
// is the nearest known key, or all of them if none is near and they are few.
func UnknownKey(file string, key *yaml.Node, known []string) Problem {
	p := At(file, key, fmt.Sprintf("unknown key %q", key.Value))
	switch near := Nearest(key.Value, known); {
	case near != "":
		p.Hint = fmt.Sprintf("did you mean %q?", near)
	case len(known) > 0 && len(known) <= listedKeys:
		sorted := slices.Sorted(slices.Values(known))
		p.Hint = "known here: " + strings.Join(sorted, ", ")
	}
	return p
}

// Nearest is the candidate that word most probably stands for, or "" if none
// is near: at most a third of the longer one's letters may differ.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", 0
	for _, c := range candidates {
		d := distance(strings.ToLower(word), strings.ToLower(c))
		allowed := max(len(word), len(c)) / 3
		if d > max(allowed, 1) || d >= max(len(word), len(c)) {
			continue
		}
		if best == "" || d < bestDistance || d == bestDistance && c < best {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(row[j-1]+1, above[j]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
