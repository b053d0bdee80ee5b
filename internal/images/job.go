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

// A job is a build whose image is not there yet.
type job struct {
	build    inputs.Build
	identity inputs.Identity
	finding  lookupResult
	image    *engine.Image // what comes of it
}

// sessionKey tells which builds can share a session.
type sessionKey struct {
	context    string
	dockerfile string // its folder
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
