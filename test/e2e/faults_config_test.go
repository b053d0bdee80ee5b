//go:build e2e

package e2e

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

func (p *project) testInvalidConfig(t *testing.T) {
	p.replaceInFile(t, "tkdeploy.yaml", "name: shop\n", "name: shop\nname: shop\nimagse: {}\nbases: go\n")
	p.run(t, "up").wantExit(t, 3).wantStderr(t,
		`tkdeploy.yaml:4:1: duplicate key "name"`,
		`tkdeploy.yaml:5:1: unknown key "imagse" (did you mean "images"?)`,
		`tkdeploy.yaml:6:8: `)
	p.wantNoContainers(t)
}

func (p *project) testUnknownValue(t *testing.T) {
	values := filepath.Join(p.dir, "more.yaml")
	writeFile(t, values, "web:\n  image:\n    repositry: x\n")
	p.run(t, "up", "--values", values).wantExit(t, 3).wantStderr(t, `more.yaml:3:5: unknown key "repositry" (did you mean "repository"?)`)
	p.wantNoContainers(t)
}

// testLargeChart adds an incompressible file: the record must fit into 1 MiB.
func (p *project) testLargeChart(t *testing.T) {
	before := newest(p.history(t)).Revision
	path := filepath.Join(p.dir, "chart", "files", "films.bin")
	noise := make([]byte, 2<<20)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(noise))
	defer os.RemoveAll(filepath.Dir(path))
	p.run(t, "up").wantExit(t, 3).wantStderr(t, "files/films.bin")
	p.wantRevision(t, before)
}

func (p *project) testMovingTag(t *testing.T) {
	const image = `"{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}"`
	for _, ref := range []string{"shop-web:latest", "shop-web"} {
		t.Run(ref, func(t *testing.T) {
			p.replaceInFile(t, "chart/templates/web.yaml", image, ref)
			p.run(t, "up").wantExit(t, 3).wantStderr(t, ref)
		})
	}
}
