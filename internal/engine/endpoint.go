package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/docker/docker/client"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

type endpoint struct {
	host       string // unix:///var/run/docker.sock
	origin     string // "DOCKER_HOST", "docker context colima" or "default socket"
	certs      string // directory of ca.pem, cert.pem and key.pem; "" without TLS
	skipVerify bool
}

// resolveEndpoint chooses the same engine as the docker CLI and kind. The SDK's
// FromEnv ignores contexts (moby#42650).
func resolveEndpoint(getenv func(string) string, configDir string) (endpoint, error) {
	if host := getenv("DOCKER_HOST"); host != "" {
		return environmentEndpoint(getenv, host, configDir), nil
	}
	name, origin := getenv("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
	if name == "" {
		current, err := currentContext(configDir)
		if err != nil {
			return endpoint{}, err
		}
		name, origin = current, filepath.Join(configDir, "config.json")
	}
	if name == "" || name == "default" {
		return endpoint{host: client.DefaultDockerHost, origin: "default socket"}, nil
	}
	return contextEndpoint(configDir, name, origin)
}

func environmentEndpoint(getenv func(string) string, host, configDir string) endpoint {
	e := endpoint{host: host, origin: "DOCKER_HOST"}
	if verify := getenv("DOCKER_TLS_VERIFY"); verify != "" {
		e.certs = cmp.Or(getenv("DOCKER_CERT_PATH"), configDir)
	} else if path := getenv("DOCKER_CERT_PATH"); path != "" {
		e.certs, e.skipVerify = path, true
	}
	return e
}

func currentContext(configDir string) (string, error) {
	path := filepath.Join(configDir, "config.json")
	text, err := files.Read(path, files.ConfigLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	if err == nil {
		err = json.Unmarshal(text, &config)
	}
	if err != nil {
		return "", fault.New(fault.Environment, fmt.Errorf("read Docker's config %s: %w", path, err), "")
	}
	return config.CurrentContext, nil
}

func contextEndpoint(configDir, name, origin string) (endpoint, error) {
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
	text, err := files.Read(filepath.Join(configDir, "contexts", "meta", id, "meta.json"), files.ConfigLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return endpoint{}, fault.New(fault.Environment,
			fmt.Errorf("docker context %q, named by %s, does not exist", name, origin),
			"list the contexts with `docker context ls`, or select the default one with `docker context use default`")
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &meta)
	}
	if err != nil {
		return endpoint{}, fault.New(fault.Environment, fmt.Errorf("read docker context %q: %w", name, err), "")
	}
	docker := meta.Endpoints["docker"]
	e := endpoint{
		host:       cmp.Or(docker.Host, client.DefaultDockerHost),
		origin:     "docker context " + name,
		skipVerify: docker.SkipTLSVerify,
	}
	certs := filepath.Join(configDir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(certs); err == nil {
		e.certs = certs
	}
	return e, nil
}

// environ empties DOCKER_CONTEXT, because it conflicts with DOCKER_HOST.
func (e endpoint) environ() []string {
	vars := []string{"DOCKER_HOST=" + e.host, "DOCKER_CONTEXT="}
	if e.certs == "" {
		return append(vars, "DOCKER_TLS_VERIFY=", "DOCKER_CERT_PATH=")
	}
	vars = append(vars, "DOCKER_CERT_PATH="+e.certs)
	if e.skipVerify {
		return append(vars, "DOCKER_TLS=1", "DOCKER_TLS_VERIFY=")
	}
	return append(vars, "DOCKER_TLS_VERIFY=1")
}

func (e endpoint) String() string {
	return fmt.Sprintf("%s (%s)", e.host, e.origin)
}
