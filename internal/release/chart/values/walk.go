package values

import (
	"maps"
	"text/template/parse"
)

const (
	// maxSteps limits the evaluation of named templates that include each other.
	maxSteps = 200_000
	maxDepth = 40

	// dotName is not a valid name of a variable.
	dotName = "."
)

type vars map[string]value

type walker struct {
	defines map[string]*parse.ListNode
	seen    map[string]bool // evaluated named templates, with what they were given
	steps   int
	depth   int
	truth   bool // in a condition
}

func (w *walker) block(list *parse.ListNode, v vars) {
	if list == nil {
		return
	}
	v = maps.Clone(v)
	for _, node := range list.Nodes {
		w.node(node, v)
	}
}

func (w *walker) node(node parse.Node, v vars) {
	if w.steps++; w.steps > maxSteps {
		return
	}
	switch node := node.(type) {
	case *parse.ActionNode:
		if result := w.pipe(node.Pipe, v); len(node.Pipe.Decl) == 0 {
			result.escape()
		}
	case *parse.IfNode:
		v = maps.Clone(v)
		w.condition(node.Pipe, v)
		w.block(node.List, v)
		w.block(node.ElseList, v)
	case *parse.WithNode:
		inner := maps.Clone(v)
		inner[dotName] = w.pipe(node.Pipe, inner)
		w.block(node.List, inner)
		w.block(node.ElseList, v)
	case *parse.RangeNode:
		inner := maps.Clone(v)
		over := w.pipe(&parse.PipeNode{NodeType: parse.NodePipe, Cmds: node.Pipe.Cmds}, inner)
		inner[dotName] = over.entry()
		if decl := node.Pipe.Decl; len(decl) > 0 {
			inner[decl[len(decl)-1].Ident[0]] = inner[dotName]
		}
		w.block(node.List, inner)
		w.block(node.ElseList, v)
	case *parse.TemplateNode:
		dot := value{}
		if node.Pipe != nil {
			dot = w.pipe(node.Pipe, v)
		}
		w.include(node.Name, dot)
	}
}

// condition evaluates a pipeline of which only the truth matters, unless a variable has its
// value.
func (w *walker) condition(pipe *parse.PipeNode, v vars) {
	before := w.truth
	w.truth = len(pipe.Decl) == 0
	w.pipe(pipe, v)
	w.truth = before
}

func (w *walker) pipe(pipe *parse.PipeNode, v vars) value {
	var result value
	for i, command := range pipe.Cmds {
		result = w.command(command, v, result, i > 0)
	}
	for _, name := range pipe.Decl {
		v[name.Ident[0]] = result
	}
	if pipe.IsAssign { // it holds after the block too
		result.escape()
	}
	return result
}

func (w *walker) command(command *parse.CommandNode, v vars, last value, piped bool) value {
	var args []value
	for _, arg := range command.Args[1:] {
		args = append(args, w.operand(arg, v))
	}
	if piped {
		args = append(args, last)
	}
	if name, ok := command.Args[0].(*parse.IdentifierNode); ok {
		return w.call(name.Ident, args)
	}
	result := w.operand(command.Args[0], v)
	for _, arg := range args { // of a method such as .Files.Get
		arg.escape()
	}
	return result
}

func (w *walker) operand(node parse.Node, v vars) value {
	w.steps++
	switch node := node.(type) {
	case *parse.DotNode:
		return v[dotName]
	case *parse.FieldNode:
		return fields(v[dotName], node.Ident)
	case *parse.VariableNode:
		return fields(v[node.Ident[0]], node.Ident[1:])
	case *parse.ChainNode:
		return fields(w.operand(node.Node, v), node.Field)
	case *parse.PipeNode:
		return w.pipe(node, v)
	case *parse.IdentifierNode:
		return w.call(node.Ident, nil)
	case *parse.StringNode:
		return value{text: node.Text}
	case *parse.NumberNode:
		return value{text: node.Text}
	}
	return value{}
}

func fields(v value, names []string) value {
	for _, name := range names {
		v = v.field(name)
	}
	return v
}

func (w *walker) include(name string, dot value) {
	if name == "" { // computed: it may be any
		dot.escape()
		for each := range w.defines {
			if each != "" {
				w.include(each, dot)
			}
		}
		return
	}
	body, ok := w.defines[name]
	id := name + " " + dot.id()
	if !ok {
		dot.escape()
		return
	}
	if w.seen[id] {
		return
	}
	if w.depth == maxDepth {
		w.steps = maxSteps
	}
	w.seen[id] = true
	before := w.truth
	w.truth = false
	w.depth++
	w.block(body, vars{"$": dot, dotName: dot})
	w.depth--
	w.truth = before
}
