package values

import (
	"fmt"
	"maps"
	"slices"
)

// value is what is known about a value in a template: the zero value is any other value.
type value struct {
	root   *reads           // the context of a chart, with .Values
	at     *reads           // values of a chart
	fields map[string]value // a dict, or a list by index
	text   string           // a constant
}

func (v value) field(name string) value {
	switch {
	case v.root != nil && name == "Values":
		return value{at: v.root}
	case v.at != nil:
		return value{at: v.at.at(name)}
	}
	return v.fields[name]
}

func (v value) entry() value {
	if v.at != nil {
		return value{at: v.at.entries()}
	}
	for _, each := range v.fields {
		each.escape()
	}
	return value{}
}

// escape notes that the value is read as a whole.
func (v value) escape() {
	if v.at != nil {
		v.at.whole = true
	}
	for _, each := range v.fields {
		each.escape()
	}
}

// id identifies the values that v refers to.
func (v value) id() string {
	id := fmt.Sprintf("%p %p %q", v.root, v.at, v.text)
	for _, key := range slices.Sorted(maps.Keys(v.fields)) {
		id += " " + key + ":(" + v.fields[key].id() + ")"
	}
	return id
}
