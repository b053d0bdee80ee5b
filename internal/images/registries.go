package images

import (
	"errors"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
)

// registries remembers for the run which registries do not answer, so that
// each is waited for once.
type registries struct {
	mu    sync.Mutex
	hosts map[string]*registryHost
}

// A registryHost is locked until the registry gave its first answer, so that
// the pulls that follow know whether there is one.
type registryHost struct {
	mu   sync.Mutex
	down error
}

func (r *registries) host(name string) *registryHost {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hosts == nil {
		r.hosts = map[string]*registryHost{}
	}
	if r.hosts[name] == nil {
		r.hosts[name] = &registryHost{}
	}
	return r.hosts[name]
}

// A refusal says why an image cannot be pulled.
type registryError struct {
	reason string // "docker.io cannot be reached"
	err    error
}

func (r *registryError) Error() string {
	return r.reason + ": " + strings.TrimPrefix(r.err.Error(), "Error response from daemon: ")
}

func (r *registryError) Unwrap() error { return r.err }

// unreachableTexts are what the engine says when it got no answer from a
// registry. It gives only text: these errors come from its own net package.
var unreachableTexts = []string{
	"dial tcp", "lookup ", "no such host", "connection refused", "connection reset", "i/o timeout",
	"Client.Timeout", "deadline exceeded", "TLS handshake", "x509:", "proxyconnect", "network is unreachable", "EOF",
}

var deniedTexts = []string{"not found", "manifest unknown", "access denied", "unauthorized", "does not exist", "forbidden"}

// refuse classifies a failed pull. Down reports that the registry itself does
// not answer.
func classifyPullError(host string, err error) (r *registryError, down bool) {
	switch text := err.Error(); {
	case errors.Is(err, errRegistryTimeout), containsAny(text, unreachableTexts):
		return &registryError{reason: host + " cannot be reached", err: err}, true
	case errdefs.IsNotFound(err), containsAny(text, deniedTexts):
		return &registryError{reason: host + " has no such image, or not for these credentials", err: err}, false
	}
	return &registryError{reason: host + " did not give it", err: err}, false
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// errSilent is the cause of a pull's end when nothing came for too long.
var errRegistryTimeout = errors.New("no answer")
