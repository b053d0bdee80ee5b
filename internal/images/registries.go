package images

import (
	"errors"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
)

// registries records unreachable registries: a run waits only once for each.
type registries struct {
	mu    sync.Mutex
	hosts map[string]*registryHost
}

// registryHost is locked until the registry's first response. Other pulls wait
// for it.
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

type registryError struct {
	reason  string // such as "docker.io cannot be reached"
	err     error
	partial bool // the registry has the image and began to send it
}

func (r *registryError) Error() string {
	return r.reason + ": " + strings.TrimPrefix(r.err.Error(), "Error response from daemon: ")
}

func (r *registryError) Unwrap() error { return r.err }

// unreachableTexts match the engine's errors, which have no codes.
var unreachableTexts = []string{
	"dial tcp", "lookup ", "no such host", "connection refused", "connection reset", "i/o timeout",
	"Client.Timeout", "deadline exceeded", "TLS handshake", "x509:", "proxyconnect", "network is unreachable", "EOF",
}

var deniedTexts = []string{"not found", "manifest unknown", "access denied", "unauthorized", "does not exist", "forbidden"}

// classifyPullError also reports whether the registry is down.
func classifyPullError(host string, err error) (r *registryError, down bool) {
	switch text := err.Error(); {
	case errors.Is(err, errRegistryTimeout), containsAny(text, unreachableTexts):
		return &registryError{reason: host + " cannot be reached", err: err}, true
	case errdefs.IsNotFound(err), containsAny(text, deniedTexts):
		return &registryError{reason: host + " has no such image or denies access to it", err: err}, false
	}
	return &registryError{reason: host + " returned an error", err: err}, false
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

var errRegistryTimeout = errors.New("no response")
