package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/system"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Info describes the engine and its machine.
type Info struct {
	Version    string
	Endpoint   string // with its origin
	Driver     string // such as overlay2
	Containerd bool   // uses the containerd image store
	Cgroup     string // "1", "2" or ""
	Rootless   bool
	Limits     bool // memory, processes and CPU of containers can be limited
	CPUs       int
	Memory     int64 // bytes

	// Root is the engine's data directory. Local reports whether it is on this
	// machine; a local socket may lead to a virtual machine.
	Root  string
	Local bool

	// ClockSkew is how far the engine's clock is ahead.
	ClockSkew time.Duration
}

// Info queries the engine.
func (e *Engine) Info(ctx context.Context) (Info, error) {
	before := time.Now()
	info, err := e.info(ctx)
	if err != nil {
		return Info{}, err
	}
	host, _ := os.Hostname() // "" does not match the engine's name
	return Info{
		Version:    info.ServerVersion,
		Endpoint:   e.endpoint.String(),
		Driver:     info.Driver,
		Containerd: usesContainerd(info),
		Cgroup:     info.CgroupVersion,
		Rootless:   slices.Contains(info.SecurityOptions, "name=rootless"),
		Limits:     info.MemoryLimit && info.PidsLimit && info.CPUShares,
		CPUs:       info.NCPU,
		Memory:     info.MemTotal,
		Root:       info.DockerRootDir,
		Local:      e.endpoint.local() && info.Name == host,
		ClockSkew:  skew(info.SystemTime, before, time.Now()),
	}, nil
}

// ID returns what identifies the engine, whichever endpoint leads to it.
func (e *Engine) ID(ctx context.Context) (string, error) {
	info, err := e.info(ctx)
	return cmp.Or(info.ID, e.endpoint.host), err
}

func (e *Engine) info(ctx context.Context) (info system.Info, err error) {
	err = e.Call(ctx, func(ctx context.Context) (err error) {
		info, err = e.api.Info(ctx)
		return err
	})
	if err != nil {
		err = fault.Default(fault.Environment, fmt.Errorf("get info from the Docker engine at %s: %w", e.endpoint, err))
	}
	return info, err
}

// usesContainerd reads the driver status, because the API has no field for the
// image store (moby daemon/containerd/service.go).
func usesContainerd(info system.Info) bool {
	for _, pair := range info.DriverStatus {
		if pair[0] == "driver-type" && strings.HasPrefix(pair[1], "io.containerd.snapshotter") {
			return true
		}
	}
	return false
}

// skew compares the engine's time with the middle of the request. It returns 0
// for times within the request.
func skew(engine string, sent, received time.Time) time.Duration {
	at, err := time.Parse(time.RFC3339Nano, engine)
	if err != nil {
		return 0
	}
	half := received.Sub(sent) / 2
	ahead := at.Sub(sent.Add(half))
	if ahead.Abs() <= half {
		return 0
	}
	return ahead
}

func (e endpoint) local() bool { return e.remoteHost() == "" }

// remoteHost returns "" for this machine.
func (e endpoint) remoteHost() string {
	at, err := url.Parse(e.host)
	if err != nil {
		return e.host
	}
	ip := net.ParseIP(at.Hostname())
	if at.Scheme == "unix" || at.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return ""
	}
	return at.Hostname()
}

// FreeSpace returns the bytes available to an unprivileged user at path or its
// nearest existing parent.
func FreeSpace(path string) (uint64, error) {
	for {
		var stat syscall.Statfs_t
		err := syscall.Statfs(path, &stat)
		if err == nil {
			return stat.Bavail * uint64(stat.Bsize), nil
		}
		parent := filepath.Dir(path)
		if !errors.Is(err, syscall.ENOENT) || parent == path {
			return 0, fmt.Errorf("get the free space at %s: %w", path, err)
		}
		path = parent
	}
}
