package strictyaml

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxListedKeys limits the known keys in a hint.
const maxListedKeys = 8

// UnknownKey returns the problem for an unknown key. Its hint is the nearest
// known key, or all known keys if they are few.
func UnknownKey(file string, key *yaml.Node, known []string) Problem {
	p := At(file, key, fmt.Sprintf("unknown key %q", key.Value))
	switch near := Nearest(key.Value, known); {
	case near != "":
		p.Hint = fmt.Sprintf("did you mean %q?", near)
	case len(known) > 0 && len(known) <= maxListedKeys:
		sorted := slices.Sorted(slices.Values(known))
		p.Hint = "known keys: " + strings.Join(sorted, ", ")
	}
	return p
}

// DidYouMean returns the hint, with a suggestion before it if a known name is
// similar to name.
func DidYouMean(name string, known []string, hint string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	return hint
}

// Nearest returns the candidate most similar to name, or "" if more than a third
// of the letters differ in each.
func Nearest(name string, candidates []string) string {
	best, bestDistance := "", 0
	for _, c := range candidates {
		d := distance(strings.ToLower(name), strings.ToLower(c))
		allowed := max(len(name), len(c)) / 3
		if d > max(allowed, 1) || d >= max(len(name), len(c)) {
			continue
		}
		if best == "" || d < bestDistance || d == bestDistance && c < best {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance returns the optimal string alignment distance, which counts a swap of
// neighbors as one change.
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
