package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	dcontext "github.com/docker/cli/cli/context"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/docker/client"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

type endpoint struct {
	host       string // unix:///var/run/docker.sock
	origin     string // "DOCKER_HOST", "docker context colima" or "default socket"
	certs      string // directory of ca.pem, cert.pem and key.pem; "" without TLS
	skipVerify bool
	configDir  string
	apiVersion string // "" means negotiated
}

// resolveEndpoint chooses the same engine as the docker CLI and kind. The SDK's
// FromEnv ignores contexts (moby#42650) and DOCKER_TLS.
func resolveEndpoint(getenv func(string) string, configDir string) (endpoint, error) {
	e := environmentEndpoint(getenv, configDir)
	if getenv("DOCKER_HOST") == "" {
		name, origin := getenv("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
		if name == "" {
			config, err := readDockerConfig(configDir)
			if err != nil {
				return endpoint{}, fault.New(fault.Environment, err, "")
			}
			name, origin = config.CurrentContext, config.Filename
		}
		if name != "" && name != "default" {
			var err error
			if e, err = contextEndpoint(configDir, name, origin); err != nil {
				return endpoint{}, err
			}
		}
	}
	if strings.HasPrefix(e.host, "unix://") {
		e.certs = "" // the docker CLI ignores TLS there
	}
	e.configDir, e.apiVersion = configDir, getenv("DOCKER_API_VERSION")
	return e, nil
}

// environmentEndpoint follows the docker CLI's flags (cli/flags/options.go) and
// addresses (opts/hosts.go). Those packages need another Docker SDK.
func environmentEndpoint(getenv func(string) string, configDir string) endpoint {
	e := endpoint{host: getenv("DOCKER_HOST"), origin: "DOCKER_HOST", skipVerify: getenv("DOCKER_TLS_VERIFY") == ""}
	if !e.skipVerify || getenv("DOCKER_TLS") != "" {
		e.certs = cmp.Or(getenv("DOCKER_CERT_PATH"), configDir)
	}
	switch {
	case e.host == "" && e.certs == "":
		e.host, e.origin = client.DefaultDockerHost, "default socket"
	case e.host == "":
		e.host, e.origin = "tcp://localhost:2376", "default address with TLS"
	case !strings.Contains(e.host, "://"):
		e.host = "tcp://" + e.host
	}
	if at, err := url.Parse(e.host); err == nil && at.Scheme == "tcp" && at.Port() == "" {
		at.Host = net.JoinHostPort(cmp.Or(at.Hostname(), "localhost"), "2375")
		e.host = at.String()
	}
	return e
}

const dockerEndpoint = "docker"

func contextEndpoint(configDir, name, origin string) (endpoint, error) {
	contexts := store.New(filepath.Join(configDir, "contexts"), store.NewConfig(nil,
		store.EndpointTypeGetter(dockerEndpoint, func() any { return &dcontext.EndpointMetaBase{} })))
	paths := contexts.GetStorageInfo(name)
	// The store reads any file to its end.
	_, err := files.Read(filepath.Join(paths.MetadataPath, "meta.json"), files.ConfigLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return endpoint{}, fault.New(fault.Environment,
			fmt.Errorf("docker context %q, named by %s, does not exist", name, origin),
			"list the contexts with `docker context ls`, or select the default one with `docker context use default`")
	}
	var docker dcontext.EndpointMetaBase
	if err == nil {
		docker, err = readDockerEndpoint(contexts, name)
	}
	if err != nil {
		return endpoint{}, fault.New(fault.Environment, fmt.Errorf("read docker context %q: %w", name, err), "")
	}
	e := endpoint{
		host:       cmp.Or(docker.Host, client.DefaultDockerHost),
		origin:     "docker context " + name,
		skipVerify: docker.SkipTLSVerify,
	}
	certs := filepath.Join(paths.TLSPath, dockerEndpoint)
	if _, err := os.Stat(certs); err == nil || docker.SkipTLSVerify {
		e.certs = certs
	}
	return e, nil
}

func readDockerEndpoint(contexts store.Reader, name string) (dcontext.EndpointMetaBase, error) {
	meta, err := contexts.GetMetadata(name)
	docker, ok := meta.Endpoints[dockerEndpoint].(dcontext.EndpointMetaBase)
	if err == nil && !ok {
		err = errors.New("it has no docker endpoint")
	}
	return docker, err
}

// environ sets or empties every variable by which the docker CLI selects an engine.
func (e endpoint) environ() []string {
	tls, verify := "", ""
	if e.certs != "" && e.skipVerify {
		tls = "1"
	} else if e.certs != "" {
		verify = "1"
	}
	return []string{
		"DOCKER_HOST=" + e.host, "DOCKER_CONTEXT=", "DOCKER_CONFIG=" + e.configDir, "DOCKER_API_VERSION=" + e.apiVersion,
		"DOCKER_CERT_PATH=" + e.certs, "DOCKER_TLS=" + tls, "DOCKER_TLS_VERIFY=" + verify,
	}
}

func (e endpoint) isSSH() bool { return strings.HasPrefix(e.host, "ssh://") }

func (e endpoint) timeout() time.Duration {
	if e.isSSH() {
		return 20 * time.Second // to log in
	}
	return 5 * time.Second
}

// hint says what to do if the engine does not respond.
func (e endpoint) hint() string {
	if e.isSSH() {
		return "check the connection, without a password: docker --host " + e.host + " version"
	}
	return "restart it: sudo systemctl restart docker, or Docker Desktop"
}

func (e endpoint) String() string {
	return fmt.Sprintf("%s (%s)", e.host, e.origin)
}
