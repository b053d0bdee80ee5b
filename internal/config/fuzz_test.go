package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// FuzzLoad searches for a file on which Load panics, returns an error without a
// position, or gives another result the second time.
func FuzzLoad(f *testing.F) {
	own, err := os.ReadFile(filepath.Join("..", "..", FileName))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(own), valid, "apiVersion: tkdeploy.dev/v1\n", "images: {web: {build: }}\n", "images: {web: {build: {context: web, allow: [..]}, ref: a}}\n",
		"environments: {dev: {cluster: {kind: {name: a, ports: [1:2:3, -1, a, 99999]}}}}\n", "bases: {A: {ref: ':'}, B: {ref: a@b, offline: /}}\n",
		"verify: {checks: [{name: a}, {url: '://'}], image: {ref: latest}}\n", "name: &a x\nchart: {path: *a, release: *a, values: [*a]}\n", "<<: {name: a}\n",
	} {
		f.Add(seed)
	}
	path := write(f, valid)
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if err != nil {
			var problems strictyaml.Problems
			if fault.ClassOf(err) != fault.Config || !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("got class %q of %v, want problems of class config", fault.ClassOf(err), err)
			}
			return
		}
		again, err := Load(path)
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("got another result when loading again: %v", err)
		}
		for name := range c.Environments {
			if _, err := c.Env(name); err != nil {
				t.Errorf("environment %q: %v", name, err)
			}
		}
	})
}
