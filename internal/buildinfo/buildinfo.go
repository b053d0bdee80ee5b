// Package buildinfo reports the versions of this program and its libraries.
package buildinfo

import (
	"cmp"
	"regexp"
	"runtime"
	"runtime/debug"
	"time"
)

// version is set by the linker:
// -ldflags "-X tkdeploy.dev/tkdeploy/internal/buildinfo.version=v1.2.3".
var version string

// Info identifies a build of tkdeploy.
type Info struct {
	Version  string `json:"version"`            // "dev" if unknown
	Commit   string `json:"commit,omitempty"`   // may be abbreviated
	Date     string `json:"date,omitempty"`     // of the commit, RFC 3339 in UTC
	Modified bool   `json:"modified,omitempty"` // built with uncommitted changes
	Go       string `json:"go"`
	Platform string `json:"platform"` // linux/amd64
}

// Read returns the Info of the running program. The Go command records what the linker
// does not set: the module's version for `go install`, the commit for `go build`.
func Read() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return read(build, version)
}

func read(build *debug.BuildInfo, version string) Info {
	module := build.Main.Version
	if module == "(devel)" {
		module = ""
	}
	info := Info{Version: cmp.Or(version, module, "dev"), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if m := pseudo.FindStringSubmatch(module); m != nil {
		info.Commit = m[2]
		if at, err := time.Parse("20060102150405", m[1]); err == nil {
			info.Date = at.Format(time.RFC3339)
		}
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Commit = s.Value
		case "vcs.time":
			info.Date = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	return info
}

// pseudo matches the end of a pseudo-version, such as
// v0.0.0-20261130200000-b7f0683a1b2c (https://go.dev/ref/mod#pseudo-versions).
var pseudo = regexp.MustCompile(`[-.](\d{14})-([0-9a-f]{12})(?:\+dirty)?$`)

// Library is a library of this program.
type Library struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Libraries returns kind, Helm, the client of Kubernetes, BuildKit and the client of
// Docker, as far as their versions are known.
func Libraries() []Library {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	return libraries(build)
}

func libraries(build *debug.BuildInfo) []Library {
	var found []Library
	for _, l := range []struct{ name, module string }{
		{"kind", "sigs.k8s.io/kind"},
		{"Helm", "helm.sh/helm/v3"},
		{"client-go", "k8s.io/client-go"},
		{"BuildKit", "github.com/moby/buildkit"},
		{"Docker", "github.com/docker/docker"},
	} {
		for _, dep := range build.Deps {
			if dep.Path != l.module {
				continue
			}
			if dep.Replace != nil {
				dep = dep.Replace
			}
			found = append(found, Library{l.name, dep.Version})
		}
	}
	return found
}
