package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// findDocker returns the first docker command in path that can build with BuildKit. Since
// version 23 that requires buildx; the legacy builder would slow down arm hand.
func findDocker(ctx context.Context, path string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		docker := filepath.Join(dir, "docker")
		if _, err := exec.LookPath(docker); err != nil {
			continue
		}
		if exec.CommandContext(ctx, docker, "buildx", "version").Run() == nil {
			return docker, nil
		}
		output, err := exec.CommandContext(ctx, docker, "--version").Output() // Docker version 20.10.24+dfsg1, build 297e128
		if err != nil {
			continue
		}
		major, _, _ := strings.Cut(strings.TrimPrefix(string(output), "Docker version "), ".")
		if n, err := strconv.Atoi(major); err == nil && n < 23 {
			return docker, nil
		}
	}
	return "", fmt.Errorf("no docker command in PATH supports BuildKit: install docker-buildx")
}

func engineSocket() (string, error) {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		return "/var/run/docker.sock", nil
	}
	socket, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return "", fmt.Errorf("unsupported DOCKER_HOST %q: must be a unix:// socket on this machine", host)
	}
	return socket, nil
}

func (b *bench) machine(ctx context.Context) ([][2]string, error) {
	info, err := b.engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	b.cgroupV1 = info.CgroupVersion == "1"
	output := func(command ...string) string {
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
		if err != nil {
			return "unknown"
		}
		return strings.TrimSpace(string(out))
	}
	return [][2]string{
		{"date", time.Now().UTC().Format(time.DateOnly)},
		{"machine", fmt.Sprintf("%s, %d cores, %d GB, Linux %s", cpuModel(), info.NCPU, info.MemTotal>>30, info.KernelVersion)},
		{"engine", fmt.Sprintf("Docker %s, image store %s, cgroup v%s; %s", info.ServerVersion, info.Driver, info.CgroupVersion, output(b.docker, "--version"))},
		{"tools", output(b.tool("kind"), "version") + "; Helm " + output(b.tool("helm"), "version", "--short") + "; " + runtime.Version()},
		{"tkdeploy", output("git", "describe", "--tags", "--always", "--dirty")},
	}, nil
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	_, rest, _ := strings.Cut(string(text), "model name")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(line, " \t:")
}
