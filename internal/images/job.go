package images

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// job is a build whose image is missing.
type job struct {
	build    inputs.Build
	identity inputs.Identity
	result   lookupResult
	image    *engine.Image
}

// sessionKey identifies builds that can share a session.
type sessionKey struct {
	context    string
	dockerfile string
	secrets    string
}

func sessionKeyFor(b inputs.Build) sessionKey {
	var secrets []string
	for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
		secrets = append(secrets, fmt.Sprintf("%q=%q,%q", id, b.Secrets[id].File, b.Secrets[id].Env))
	}
	return sessionKey{
		context:    b.Context,
		dockerfile: filepath.Dir(b.DockerfilePath()),
		secrets:    strings.Join(secrets, ";"),
	}
}
