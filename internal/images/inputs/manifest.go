package inputs

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"tkdeploy.dev/tkdeploy/internal/images/cause"
)

// Manifest lists the inputs, to explain the next build. It reads no file.
func (s *Snapshot) Manifest() cause.Inputs {
	b := s.build
	list := []cause.Input{
		{Kind: cause.Setting, Name: "tkdeploy", Value: inputsVersion},
		{Kind: cause.Setting, Name: "name", Value: b.Name},
		{Kind: cause.Setting, Name: "project", Value: b.Project},
		{Kind: cause.Setting, Name: "target", Value: b.Target},
		{Kind: cause.Setting, Name: "platform", Value: b.Platform},
	}
	for _, base := range s.bases {
		// The line of a base is: base "REF" ID.
		start, id, _ := strings.Cut(strings.TrimPrefix(base, `base "`), `" `)
		list = append(list, cause.Input{Kind: cause.Base, Name: start, Value: id})
	}
	args := b.AllArgs()
	for _, arg := range slices.Sorted(maps.Keys(args)) {
		list = append(list, cause.Input{Kind: cause.Argument, Name: arg, Value: args[arg]})
	}
	for id := range b.Secrets {
		list = append(list, cause.Input{Kind: cause.Secret, Name: id})
	}
	for _, e := range s.entries {
		mode := fs.FileMode(e.stat.Mode)
		i := cause.Input{Kind: cause.File, Name: filepath.ToSlash(e.stat.Path), Mode: mode.String()}
		i.Value = strings.TrimPrefix(e.line, fmt.Sprintf("%s %q ", mode, i.Name))
		if mode.IsDir() {
			i.Kind = cause.Dir
		}
		list = append(list, i)
	}
	return cause.Inputs{
		Inputs: list, Dockerfile: filepath.Base(b.DockerfilePath()), Text: s.dockerfile, Instructions: instructions(s.dockerfile),
	}
}

// instructions returns nil for a Dockerfile that cannot be parsed.
func instructions(dockerfile []byte) []cause.Instruction {
	parsed, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil {
		return nil
	}
	var all []cause.Instruction
	for _, node := range parsed.AST.Children {
		text := node.Original
		for _, heredoc := range node.Heredocs {
			text += "\n" + heredoc.Content
		}
		all = append(all, cause.Instruction{Line: node.StartLine, Keyword: strings.ToUpper(node.Value), Text: text})
	}
	return all
}
