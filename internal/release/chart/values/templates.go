package values

import (
	"path"
	"regexp"
	"strings"
	"text/template/parse"

	"go.yaml.in/yaml/v3"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// maxTemplateFile limits the files that may be templates for tpl, in bytes.
const maxTemplateFile = 64 << 10

// templates finds what the templates of a chart and its subcharts read of their values,
// without running them. It follows variables, with, range, include and dict. A value that
// is passed to any other function counts as read as a whole.
type templates struct {
	root    *helmchart.Chart
	defines map[string]*parse.ListNode // nil until the first use
	bodies  map[*helmchart.Chart][]*parse.ListNode
	reads   map[*helmchart.Chart]*reads
}

// readsOf returns what all templates read of the values of c.
func (t *templates) readsOf(c *helmchart.Chart) *reads {
	if t.defines == nil {
		t.defines, t.bodies, t.reads = map[string]*parse.ListNode{}, map[*helmchart.Chart][]*parse.ListNode{}, map[*helmchart.Chart]*reads{}
		t.parse(t.root)
		t.walk(t.root)
	}
	return t.reads[c]
}

func (t *templates) parse(c *helmchart.Chart) {
	t.reads[c] = &reads{}
	for _, file := range c.Templates {
		t.parseFile(c, file)
	}
	t.scan(c, rawFile(c, chartutil.ValuesfileName))
	for _, file := range c.Files {
		if len(file.Data) <= maxTemplateFile {
			t.scan(c, file.Data) // tpl may run it
		}
	}
	for _, sub := range c.Dependencies() {
		t.parse(sub)
	}
}

func (t *templates) parseFile(c *helmchart.Chart, file *helmchart.File) {
	trees := map[string]*parse.Tree{}
	tree := parse.New(file.Name)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(string(file.Data), "", "", trees); err != nil {
		t.scan(c, file.Data) // rendering reports the error
		return
	}
	for name, tree := range trees {
		switch {
		case tree.Root == nil:
		case name != file.Name:
			t.defines[name] = tree.Root
		case !strings.HasPrefix(path.Base(name), "_"):
			t.bodies[c] = append(t.bodies[c], tree.Root)
		}
	}
}

var valuesPath = regexp.MustCompile(`\.Values((?:\.[A-Za-z_]\w*)+)`)

// scan finds the paths in a text that cannot be parsed as a template.
func (t *templates) scan(c *helmchart.Chart, text []byte) {
	for _, match := range valuesPath.FindAllSubmatch(text, -1) {
		at := t.reads[c]
		for key := range strings.SplitSeq(string(match[1][1:]), ".") {
			at = at.at(key)
		}
		at.whole = true
	}
}

// scanValues finds the paths in values that tpl may run, in whichever chart.
func (t *templates) scanValues(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{") {
		for c := range t.reads {
			t.scan(c, []byte(n.Value))
		}
	}
	for _, child := range n.Content { // not the targets of aliases: each node once
		t.scanValues(child)
	}
}

func (t *templates) walk(c *helmchart.Chart) {
	w := &walker{defines: t.defines, seen: map[string]bool{}}
	for _, body := range t.bodies[c] {
		w.block(body, context(t.reads[c]))
	}
	if w.steps > maxSteps {
		t.reads[c].whole = true
	}
	for _, sub := range c.Dependencies() {
		t.walk(sub)
	}
}

// context returns the variables of a template that starts with the context of a chart.
func context(of *reads) vars {
	dot := value{root: of}
	return vars{"$": dot, dotName: dot}
}
