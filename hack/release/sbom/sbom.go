// Package sbom describes a Go binary as an SPDX document.
package sbom

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// Options are what a binary does not record.
type Options struct {
	Version  string            // of the main module
	Created  string            // as in RFC 3339, in UTC
	License  string            // of the main module
	Licenses map[string]string // SPDX expressions by module; "std" is the standard library
}

// Describe returns the document of the binary at path: its main module, the standard
// library and each module that the linker recorded.
func Describe(path string, o Options) (*spdx.Document, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the modules of %s: %w", path, err)
	}
	sum, err := checksum(path)
	if err != nil {
		return nil, err
	}
	return document(info, filepath.Base(path), sum, o)
}

func document(info *debug.BuildInfo, name, sum string, o Options) (*spdx.Document, error) {
	main := newPackage("tkdeploy", info.Main.Path, o.Version, o.License)
	main.PackageName, main.PackageFileName, main.PrimaryPackagePurpose = name, name, "APPLICATION"
	main.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: sum}}
	main.PackageComment = strings.TrimSpace("GOOS=" + setting(info, "GOOS") + " GOARCH=" + setting(info, "GOARCH"))
	doc := &spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName:      name + " " + o.Version,
		DocumentNamespace: "https://" + info.Main.Path + "/spdx/" + url.PathEscape(o.Version) + "/" + sum,
		CreationInfo:      &spdx.CreationInfo{Creators: []common.Creator{{CreatorType: "Tool", Creator: "tkdeploy-hack-release"}}, Created: o.Created},
		Packages:          []*spdx.Package{main},
		Relationships:     []*spdx.Relationship{relationship("DOCUMENT", common.TypeRelationshipDescribe, main)},
	}
	libraries := []*debug.Module{{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, dep := range append(libraries, info.Deps...) {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		license, ok := o.Licenses[dep.Path]
		if !ok {
			return nil, fmt.Errorf("%s: the license of %s is unknown", name, dep.Path)
		}
		p := newPackage(id(dep.Path), dep.Path, dep.Version, license)
		p.PrimaryPackagePurpose = "LIBRARY"
		if dep.Sum != "" {
			p.PackageSourceInfo = "go.sum: " + dep.Sum
		}
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, relationship(main.PackageSPDXIdentifier, common.TypeRelationshipDependsOn, p))
	}
	return doc, nil
}

func newPackage(id, module, version, license string) *spdx.Package {
	return &spdx.Package{
		PackageSPDXIdentifier: common.ElementID("Package-" + id),
		PackageName:           module, PackageVersion: version,
		PackageDownloadLocation: "NOASSERTION",
		PackageLicenseConcluded: "NOASSERTION", PackageLicenseDeclared: license,
		PackageCopyrightText: "NOASSERTION",
		PackageExternalReferences: []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager, RefType: "purl", Locator: PURL(module, version),
		}},
	}
}

// PURL returns the package URL of a Go module.
// See https://github.com/package-url/purl-spec/blob/main/types/golang-definition.json.
func PURL(module, version string) string {
	return "pkg:golang/" + module + "@" + strings.ReplaceAll(version, "+", "%2B")
}

func relationship(from common.ElementID, kind string, to *spdx.Package) *spdx.Relationship {
	return &spdx.Relationship{
		RefA: common.MakeDocElementID("", string(from)), Relationship: kind,
		RefB: common.MakeDocElementID("", string(to.PackageSPDXIdentifier)),
	}
}

// id returns the module path with the characters that SPDX permits in identifiers.
func id(module string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("/_~+", r) {
			return '-'
		}
		return r
	}, module)
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
