package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// permitted are the licenses that allow distribution in a binary with their text. The
// source of code under MPL-2.0 must be available: it is, unchanged, at the module's path.
var permitted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-2-Clause-Views", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// minCoverage is the share of a file in percent that must be license text. pkg.go.dev
// uses the same.
const minCoverage = 75

// licenses returns the license files in dirs, all below the module's root. It fails if
// there is none, or one that is not permitted.
func licenses(root string, dirs []string) ([]File, error) {
	var files []File
	known := false
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			isLicense, isNotice := kind(entry.Name())
			if entry.IsDir() || !isLicense && !isNotice {
				continue
			}
			f, err := read(root, filepath.Join(dir, entry.Name()), isLicense)
			if err != nil {
				return nil, err
			}
			known = known || isLicense
			files = append(files, f)
		}
	}
	if !known {
		return nil, fmt.Errorf("no license file")
	}
	return files, nil
}

// kind reports whether name is that of a license, or of a notice that must accompany
// the binary too.
func kind(name string) (license, notice bool) {
	base, ext, _ := strings.Cut(strings.ToUpper(name), ".")
	if !slices.Contains([]string{"", "MD", "TXT", "MIT", "LIBYAML"}, ext) { // LICENSE.docs is for documents, license.go is code
		return false, false
	}
	stem, _, _ := strings.Cut(base, "-") // LICENSE-MIT
	license = slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "UNLICENSE"}, stem)
	return license, slices.Contains([]string{"NOTICE", "PATENTS", "COPYRIGHT"}, stem)
}

func read(root, path string, isLicense bool) (File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return File{}, err
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		return File{}, err
	}
	f := File{Name: filepath.ToSlash(name), Text: string(text)}
	if !isLicense {
		return f, nil
	}
	coverage := licensecheck.Scan(text)
	if coverage.Percent < minCoverage {
		return File{}, fmt.Errorf("%s: unknown license: only %.0f %% of the text is known", f.Name, coverage.Percent)
	}
	for _, match := range coverage.Match {
		if !slices.Contains(permitted, match.ID) {
			return File{}, fmt.Errorf("%s: license %s is not permitted", f.Name, match.ID)
		}
		if !slices.Contains(f.IDs, match.ID) {
			f.IDs = append(f.IDs, match.ID)
		}
	}
	return f, nil
}
