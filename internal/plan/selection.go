package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Selection is a part of a plan. The other stages do not run and count as
// succeeded.
type Selection struct {
	Only     []string // IDs; excludes From and To
	From, To string   // first and last ID
}

// Select returns the selected part of the plan. The error for an unknown ID lists
// the known ones.
func (p Plan) Select(sel Selection) (Plan, error) {
	if len(sel.Only) > 0 && (sel.From != "" || sel.To != "") {
		return Plan{}, errors.New("--only cannot be combined with --from or --to")
	}
	for _, id := range append([]string{sel.From, sel.To}, sel.Only...) {
		if id != "" && p.index(id) < 0 {
			return Plan{}, fmt.Errorf("unknown stage %q: the stages are %s", id, strings.Join(p.IDs(), ", "))
		}
	}
	first, last := 0, len(p.stages)-1
	if sel.From != "" {
		first = p.index(sel.From)
	}
	if sel.To != "" {
		last = p.index(sel.To)
	}
	if first > last {
		return Plan{}, fmt.Errorf("stage %q comes after %q: no stage would run", sel.From, sel.To)
	}
	var selected []Stage
	for i, s := range p.stages {
		if i < first || i > last || len(sel.Only) > 0 && !slices.Contains(sel.Only, s.ID) {
			continue
		}
		selected = append(selected, s)
	}
	return Plan{stages: selected}, nil
}
