package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/system"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Facts are what the engine says of itself and of its machine.
type Info struct {
	Version    string
	Endpoint   string // address and why that one: "unix:///var/run/docker.sock (default socket)"
	Driver     string // of the storage: overlay2, overlayfs
	Containerd bool   // images are in containerd's store and not in the driver's own
	Cgroup     string // version of the control groups: "1" or "2"; "" if it does not say
	CPUs       int
	Memory     int64 // bytes

	// Root is where the engine keeps its data, and Local whether that is a
	// folder of this machine. Behind a local socket may be a virtual machine.
	Root  string
	Local bool

	// Skew is how far the engine's clock is ahead of this machine's. It is as
	// exact as the engine's answer is quick.
	ClockSkew time.Duration
}

// Facts asks the engine.
func (e *Engine) Info(ctx context.Context) (Info, error) {
	before := time.Now()
	info, err := e.api.Info(ctx)
	if err != nil {
		return Info{}, fault.Default(fault.Environment, fmt.Errorf("ask the Docker engine at %s about itself: %w", e.endpoint, err))
	}
	host, _ := os.Hostname() // unknown is another name
	return Info{
		Version:    info.ServerVersion,
		Endpoint:   e.endpoint.String(),
		Driver:     info.Driver,
		Containerd: usesContainerd(info),
		Cgroup:     info.CgroupVersion,
		CPUs:       info.NCPU,
		Memory:     info.MemTotal,
		Root:       info.DockerRootDir,
		Local:      e.endpoint.local() && info.Name == host,
		ClockSkew:  skew(info.SystemTime, before, time.Now()),
	}, nil
}

// usesContainerd reads the driver's status: the engine has no field for it
// (moby daemon/containerd/service.go).
func usesContainerd(info system.Info) bool {
	for _, pair := range info.DriverStatus {
		if pair[0] == "driver-type" && strings.HasPrefix(pair[1], "io.containerd.snapshotter") {
			return true
		}
	}
	return false
}

// skew compares the engine's time with the middle of the question, less what the
// question itself took. It is 0 if the engine does not tell its time.
func skew(engine string, asked, answered time.Time) time.Duration {
	at, err := time.Parse(time.RFC3339Nano, engine)
	if err != nil {
		return 0
	}
	half := answered.Sub(asked) / 2
	ahead := at.Sub(asked.Add(half))
	if ahead.Abs() <= half {
		return 0
	}
	return ahead
}

// local is true for a socket, and for an address of this machine.
func (e endpoint) local() bool {
	at, err := url.Parse(e.host)
	if err != nil {
		return false
	}
	ip := net.ParseIP(at.Hostname())
	return at.Scheme == "unix" || at.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// FreeSpace is how many bytes an ordinary user can still write at path, or at
// the nearest folder above it that is there.
func FreeSpace(path string) (uint64, error) {
	for {
		var stat syscall.Statfs_t
		err := syscall.Statfs(path, &stat)
		if err == nil {
			return stat.Bavail * uint64(stat.Bsize), nil
		}
		above := filepath.Dir(path)
		if !errors.Is(err, syscall.ENOENT) || above == path {
			return 0, fmt.Errorf("ask for the free space at %s: %w", path, err)
		}
		path = above
	}
}
