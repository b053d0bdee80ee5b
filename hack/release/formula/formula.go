// Package formula writes the Homebrew formula of a release.
package formula

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"text/template"
)

//go:embed tkdeploy.rb.tmpl
var text string

// archive is a line of checksums.txt.
var archive = regexp.MustCompile(`(?m)^([0-9a-f]{64})  (tkdeploy_(.+)_((?:linux|darwin)_(?:amd64|arm64))\.tar\.gz)$`)

// Archive is an archive of one platform.
type Archive struct{ URL, SHA256 string }

// Render returns the formula for the archives in checksums, those of one version, below
// the URL releases. Platforms without an archive are left out.
func Render(releases, checksums string) (string, error) {
	data := struct {
		Version, Releases string
		Archives          map[string]Archive // by platform
	}{Releases: releases, Archives: make(map[string]Archive)}
	for _, match := range archive.FindAllStringSubmatch(checksums, -1) {
		sum, file, version, platform := match[1], match[2], match[3], match[4]
		if data.Version != "" && data.Version != version {
			return "", fmt.Errorf("checksums of two versions: %s and %s", data.Version, version)
		}
		data.Version = version
		data.Archives[platform] = Archive{releases + "/download/v" + version + "/" + file, sum}
	}
	if data.Version == "" {
		return "", fmt.Errorf("no archive in the checksums")
	}
	parsed, err := template.New("formula").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = parsed.Execute(&b, data)
	return b.String(), err
}
