// Package buildinfo reports the versions of this program and its libraries.
package buildinfo

import (
	"runtime"
	"runtime/debug"
)

// version is set by the linker:
// -ldflags "-X tkdeploy.dev/tkdeploy/internal/buildinfo.version=v1.2.3".
var version = "dev"

// Info identifies a build of tkdeploy.
type Info struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"` // linux/amd64
}

// Read returns the Info of the running program.
func Read() Info {
	info := Info{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" {
			info.Commit = s.Value
		}
	}
	return info
}

// Library is a library of this program.
type Library struct {
	Name    string
	Version string
}

// Libraries returns kind and Helm, which affect clusters and releases, if known.
func Libraries() []Library {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var libraries []Library
	for _, l := range []struct{ name, module string }{{"kind", "sigs.k8s.io/kind"}, {"Helm", "helm.sh/helm/v3"}} {
		for _, dep := range build.Deps {
			if dep.Path == l.module {
				libraries = append(libraries, Library{l.name, dep.Version})
			}
		}
	}
	return libraries
}
