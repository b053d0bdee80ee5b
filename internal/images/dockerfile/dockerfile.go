package dockerfile

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// File is a parsed Dockerfile.
type File struct {
	stages []instructions.Stage
	global []instructions.ArgCommand
}

// Base is an image that a stage starts or copies from.
type Base struct {
	Ref  string
	Line int
}

// Parse parses a Dockerfile of Docker's syntax.
func Parse(text []byte) (*File, error) {
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	stages, global, err := instructions.Parse(parsed.AST, nil)
	return &File{stages, global}, err
}

// Stages returns the names of the named stages, in order.
func (f *File) Stages() []string {
	var names []string
	for _, s := range f.stages {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// HasStage reports whether target is the name of a stage. As in BuildKit, case does not
// matter, and an index is no name.
func (f *File) HasStage(target string) bool {
	_, found := instructions.HasStage(f.stages, target)
	return found
}

// Args returns the names of the arguments that ARG instructions declare, without
// duplicates.
func (f *File) Args() []string {
	var names []string
	add := func(c instructions.ArgCommand) {
		for _, arg := range c.Args {
			names = append(names, arg.Key)
		}
	}
	for _, c := range f.global {
		add(c)
	}
	for _, s := range f.stages {
		for _, c := range s.Commands {
			if arg, ok := c.(*instructions.ArgCommand); ok {
				add(*arg)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Bases returns the images that FROM and COPY --from name, with the given build
// arguments. It returns no references that it cannot expand.
func (f *File) Bases(args map[string]string) []Base {
	env := f.globalEnv(args)
	lex := shell.NewLex('\\')
	var bases []Base
	add := func(ref string, location []parser.Range, stages []instructions.Stage) {
		ref, unmatched, err := lex.ProcessWord(ref, env)
		_, isStage := instructions.HasStage(stages, ref)
		if err != nil || len(unmatched) > 0 || isStage || ref == "" || ref == "scratch" || len(location) == 0 {
			return
		}
		bases = append(bases, Base{ref, location[0].Start.Line})
	}
	for i, s := range f.stages {
		add(s.BaseName, s.Location, f.stages[:i])
		for _, c := range s.Commands {
			if from, ok := c.(*instructions.CopyCommand); ok && from.From != "" {
				if _, err := strconv.Atoi(from.From); err != nil {
					add(from.From, c.Location(), f.stages)
				}
			}
		}
	}
	return bases
}

func (f *File) globalEnv(args map[string]string) shell.EnvGetter {
	var env []string
	lex := shell.NewLex('\\')
	for _, c := range f.global {
		for _, arg := range c.Args {
			value, given := args[arg.Key]
			if !given && arg.Value != nil {
				value, _, _ = lex.ProcessWord(*arg.Value, shell.EnvsFromSlice(env))
			}
			if given || arg.Value != nil {
				env = append(env, arg.Key+"="+value)
			}
		}
	}
	return shell.EnvsFromSlice(env)
}

// predefined are the arguments that need no ARG instruction (docs.docker.com, Dockerfile
// reference). The names of proxies may be in lower case.
var predefined = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH",
	"BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT",
	"TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
}

// Predefined reports whether a build may set the argument although no ARG declares it.
func Predefined(arg string) bool {
	if strings.HasPrefix(arg, "BUILDKIT_") || slices.Contains(predefined, arg) {
		return true
	}
	upper := strings.ToUpper(arg)
	return strings.HasSuffix(upper, "_PROXY") && slices.Contains(predefined, upper)
}
