// Command release writes files of a release. See docs/releasing.md.
//
//	release docs DIR VERSION              completion scripts and man pages
//	release notices FILE                  the licenses of the linked modules
//	release sbom BINARY FILE VERSION DATE the modules of a binary as an SPDX document
//	release formula DIR                   DIR/tkdeploy.rb from DIR/checksums.txt
//
// TKDEPLOY_RELEASES is the URL of the releases in the formula.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tkdeploy.dev/tkdeploy/hack/release/formula"
	"tkdeploy.dev/tkdeploy/hack/release/modules"
	"tkdeploy.dev/tkdeploy/hack/release/sbom"
	"tkdeploy.dev/tkdeploy/internal/cli"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "docs":
		return writeDocs(ctx, args[1], args[2])
	case len(args) == 2 && args[0] == "notices":
		return writeNotices(ctx, args[1])
	case len(args) == 5 && args[0] == "sbom":
		return writeSBOM(ctx, args[1], args[2], args[3], args[4])
	case len(args) == 2 && args[0] == "formula":
		return writeFormula(args[1])
	default:
		return errors.New("usage: release docs DIR VERSION | notices FILE | sbom BINARY FILE VERSION DATE | formula DIR")
	}
}

func writeDocs(ctx context.Context, dir, version string) error {
	files := make(map[string]string)
	for name, text := range cli.ManPages(version) {
		files["man/"+name] = text
	}
	for shell, name := range map[string]string{"bash": "tkdeploy.bash", "zsh": "_tkdeploy", "fish": "tkdeploy.fish"} {
		var script, problems bytes.Buffer
		if code := cli.Main(ctx, []string{"tkdeploy", "completion", shell}, cli.Streams{Out: &script, Err: &problems}); code != 0 {
			return fmt.Errorf("completion %s: %s", shell, problems.String())
		}
		files["completions/"+name] = script.String()
	}
	for name, text := range files {
		if err := write(filepath.Join(dir, name), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// linked returns the modules of both programs, because tkdeploy contains the probe.
func linked(ctx context.Context) ([]modules.Module, error) {
	return modules.List(ctx, ".", modules.Platforms, "tkdeploy.dev/tkdeploy/cmd/...")
}

func writeNotices(ctx context.Context, path string) error {
	list, err := linked(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := modules.WriteNotices(&b, list); err != nil {
		return err
	}
	return write(path, b.Bytes())
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func writeSBOM(ctx context.Context, binary, path, version, date string) error {
	list, err := linked(ctx)
	if err != nil {
		return err
	}
	licenses := make(map[string]string)
	for _, m := range list {
		licenses[m.Path] = m.Expression()
	}
	doc, err := sbom.Describe(binary, sbom.Options{Version: version, Created: date, License: "Apache-2.0", Licenses: licenses})
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return write(path, append(text, '\n'))
}

// defaultReleases derives from the module path, as in install.sh.
const defaultReleases = "https://tkdeploy.dev/tkdeploy/releases"

func writeFormula(dir string) error {
	checksums, err := os.ReadFile(filepath.Join(dir, "checksums.txt"))
	if err != nil {
		return err
	}
	text, err := formula.Render(cmp.Or(os.Getenv("TKDEPLOY_RELEASES"), defaultReleases), string(checksums))
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "tkdeploy.rb"), []byte(text))
}
