// Package engine connects to the Docker engine that the docker CLI uses.
package engine

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// Options configure a connection.
type Options struct {
	Getenv    func(string) string // default os.Getenv
	ConfigDir string              // default $DOCKER_CONFIG, then ~/.docker
	Timeout   time.Duration       // for the engine's first response; default 5 s, over ssh 20 s

	// CallTimeout limits a call that needs no build, pull or transfer, see
	// [Engine.Call]. Default 1 minute.
	CallTimeout time.Duration
}

// Engine is a connection to a Docker engine. It is safe for concurrent use.
type Engine struct {
	api      *client.Client
	endpoint endpoint
	version  string
	platform string

	auth    Auth
	options Options
}

// Connect opens a connection and waits for the engine's first response. Errors
// have class [fault.Environment], unless ctx is canceled.
func Connect(ctx context.Context, options Options) (*Engine, error) {
	options, at, err := options.resolve()
	if err != nil {
		return nil, err
	}
	options.Timeout = cmp.Or(options.Timeout, at.timeout())
	api, err := at.client()
	if err != nil {
		return nil, fault.New(fault.Environment, fmt.Errorf("connect to the Docker engine at %s: %w", at, err), "")
	}
	e := &Engine{api: api, endpoint: at, auth: newAuth(options.ConfigDir), options: options}
	if err := e.ping(ctx); err != nil {
		return nil, errors.Join(err, api.Close())
	}
	return e, nil
}

// Location is where an engine is.
type Location struct {
	Name    string   // the address as the name of a file: "tcp-docker-2375"
	Host    string   // name or IP address of its machine; "" for this one
	Environ []string // makes a child process use the engine
}

var notInName = regexp.MustCompile("[^A-Za-z0-9.]+")

// Locate finds the engine of [Connect] without a connection.
func Locate(options Options) (Location, error) {
	_, at, err := options.resolve()
	if err != nil {
		return Location{}, err
	}
	return Location{notInName.ReplaceAllString(at.host, "-"), at.remoteHost(), at.environ()}, nil
}

// API returns the Docker SDK's client.
func (e *Engine) API() *client.Client { return e.api }

// Auth returns the credentials in the user's Docker config.
func (e *Engine) Auth() Auth { return e.auth }

// Close closes the connection.
func (e *Engine) Close() error { return e.api.Close() }

// Host returns the engine's address, as in DOCKER_HOST.
func (e *Engine) Host() string { return e.endpoint.host }

// CheckReachable returns an error of class [fault.Environment] if this machine cannot
// connect to that of the engine, and so not to the ports of a cluster, without ssh.
func (e *Engine) CheckReachable(ctx context.Context) error {
	at, err := url.Parse(e.endpoint.host)
	if err != nil || !e.endpoint.isSSH() {
		return nil // connected
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), "22")))
	if err != nil {
		return fault.New(fault.Environment, fmt.Errorf("the Docker engine's machine %s is not reachable without ssh, and the ports of a cluster would be there: %w", at.Hostname(), err),
			"use its DNS name or IP address instead of a name of ssh's configuration, in the same network")
	}
	return conn.Close()
}

// Environ returns the variables that make a child process use the same engine.
func (e *Engine) Environ() []string { return e.endpoint.environ() }

// Platform returns the engine's platform, such as linux/amd64.
func (e *Engine) Platform() string { return e.platform }

func (e *Engine) String() string {
	return fmt.Sprintf("Docker Engine %s at %s", e.version, e.endpoint.host)
}

// resolve returns the options with their defaults, and the engine that they select.
func (o Options) resolve() (Options, endpoint, error) {
	o, err := o.withDefaults()
	if err != nil {
		return o, endpoint{}, err
	}
	at, err := resolveEndpoint(o.Getenv, o.ConfigDir)
	return o, at, err
}

func (o Options) withDefaults() (Options, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	o.ConfigDir = cmp.Or(o.ConfigDir, o.Getenv("DOCKER_CONFIG"))
	if o.ConfigDir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return o, fault.New(fault.Environment, fmt.Errorf("find Docker's config directory: %w", err), "set HOME or DOCKER_CONFIG")
		}
		o.ConfigDir = filepath.Join(home, ".docker")
	}
	o.CallTimeout = cmp.Or(o.CallTimeout, time.Minute)
	return o, nil
}

func (e endpoint) client() (*client.Client, error) {
	transport, options := &http.Transport{}, []client.Opt{client.WithAPIVersionNegotiation(), client.WithVersion(e.apiVersion)}
	helper, err := connhelper.GetConnectionHelper(e.host)
	switch {
	case err != nil:
		return nil, err
	case helper != nil: // ssh
		options = append(options, client.WithHost(helper.Host), client.WithDialContext(helper.Dialer), func(*client.Client) error {
			transport.Proxy = nil // set by WithHost
			return nil
		})
	case e.certs != "":
		if transport.TLSClientConfig, err = e.tlsConfig(); err != nil {
			return nil, err
		}
		fallthrough
	default:
		options = append(options, client.WithHost(e.host))
	}
	http := client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect})
	return client.NewClientWithOpts(append([]client.Opt{http}, options...)...)
}

// tlsConfig reads the files first, because tlsconfig reads any file to its end. The
// key is optional, and so is the CA.
func (e endpoint) tlsConfig() (*tls.Config, error) {
	options := tlsconfig.Options{InsecureSkipVerify: e.skipVerify, ExclusiveRootPools: true}
	for name, option := range map[string]*string{"ca.pem": &options.CAFile, "cert.pem": &options.CertFile, "key.pem": &options.KeyFile} {
		path := filepath.Join(e.certs, name)
		if _, err := files.Read(path, files.ConfigLimit); err == nil {
			*option = path
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return tlsconfig.Client(options)
}

// Call runs f, a short call of the engine's API, within the limit of
// [Options.CallTimeout]. A timeout has class [fault.Environment].
func (e *Engine) Call(ctx context.Context, f func(context.Context) error) error {
	return e.Within(ctx, e.options.CallTimeout, f)
}

// Within is like [Engine.Call], with another limit.
func (e *Engine) Within(ctx context.Context, timeout time.Duration, f func(context.Context) error) error {
	limit, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := f(limit)
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		return e.silent(timeout)
	}
	return err
}

func (e *Engine) silent(timeout time.Duration) error {
	return fault.New(fault.Environment,
		fmt.Errorf("the Docker engine at %s did not respond within %s", e.endpoint, timeout),
		e.endpoint.hint())
}

func (e *Engine) ping(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, e.options.Timeout)
	defer cancel()
	version, err := e.api.ServerVersion(limit)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return e.unreachable(err)
	}
	e.version, e.platform = version.Version, version.Os+"/"+version.Arch
	for _, component := range version.Components {
		if component.Name == "Podman Engine" {
			return e.unsupported("Podman " + version.Version)
		}
	}
	return nil
}

// unsupported names what fails: Podman serves Docker's API without the calls of
// BuildKit, and kind's Docker provider depends on networks and mounts of Docker.
func (e *Engine) unsupported(product string) error {
	return fault.New(fault.Environment,
		fmt.Errorf("%s at %s is not supported: images cannot be built, because it has no BuildKit, and clusters are not tested with it", product, e.endpoint),
		"use Docker Engine, also rootless, or Docker Desktop, colima or Rancher Desktop with the engine dockerd")
}

func (e *Engine) unreachable(err error) error {
	at := e.endpoint
	switch {
	case errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "permission denied"):
		return fault.New(fault.Environment,
			fmt.Errorf("no permission to use the Docker engine at %s", at),
			"add your user to the docker group and log in again: sudo usermod -aG docker $USER")
	case errors.Is(err, context.DeadlineExceeded):
		return e.silent(e.options.Timeout)
	case at.isSSH():
		return fault.New(fault.Environment, fmt.Errorf("connect to the Docker engine at %s: %w", at, err), at.hint())
	case at.certs != "" && strings.Contains(err.Error(), "tls: "):
		return fault.New(fault.Environment, fmt.Errorf("connect to the Docker engine at %s: %w", at, err), "check ca.pem, cert.pem and key.pem in "+at.certs)
	case client.IsErrConnectionFailed(err):
		return fault.New(fault.Environment,
			fmt.Errorf("the Docker engine is not running at %s", at),
			"start it: sudo systemctl start docker, or Docker Desktop; or set DOCKER_HOST to a running engine")
	case at.apiVersion != "":
		return fault.New(fault.Environment, fmt.Errorf("use API version %s of the Docker engine at %s: %w", at.apiVersion, at, err), "unset DOCKER_API_VERSION")
	}
	return fault.New(fault.Environment, fmt.Errorf("get the version of the Docker engine at %s: %w", at, err), "")
}
