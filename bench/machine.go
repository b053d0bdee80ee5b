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

// pickDocker finds a docker command that can build with BuildKit: one that has
// buildx, or one older than 23, which has BuildKit built in. A newer one alone
// has only the old builder, and the hand arm would be slow for no good reason.
func pickDocker(ctx context.Context, path string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		docker := filepath.Join(dir, "docker")
		if _, err := exec.LookPath(docker); err != nil {
			continue
		}
		if exec.CommandContext(ctx, docker, "buildx", "version").Run() == nil {
			return docker, nil
		}
		said, err := exec.CommandContext(ctx, docker, "--version").Output() // Docker version 20.10.24+dfsg1, build 297e128
		if err != nil {
			continue
		}
		major, _, _ := strings.Cut(strings.TrimPrefix(string(said), "Docker version "), ".")
		if n, err := strconv.Atoi(major); err == nil && n < 23 {
			return docker, nil
		}
	}
	return "", fmt.Errorf("no docker command on PATH can build with BuildKit: install docker-buildx")
}

// upstream is the socket of the engine that is measured.
func upstream() (string, error) {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		return "/var/run/docker.sock", nil
	}
	socket, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return "", fmt.Errorf("DOCKER_HOST is %s: only an engine on this machine can be measured", host)
	}
	return socket, nil
}

// machine says where the figures come from.
func (b *bench) machine(ctx context.Context) ([][2]string, error) {
	info, err := b.engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	b.cgroupV1 = info.CgroupVersion == "1"
	said := func(command ...string) string {
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
		if err != nil {
			return "unknown"
		}
		return strings.TrimSpace(string(out))
	}
	return [][2]string{
		{"date", time.Now().UTC().Format(time.DateOnly)},
		{"machine", fmt.Sprintf("%s, %d cores, %d GB, Linux %s", processor(), info.NCPU, info.MemTotal>>30, info.KernelVersion)},
		{"engine", fmt.Sprintf("Docker %s, image store %s, cgroup v%s; %s", info.ServerVersion, info.Driver, info.CgroupVersion, said(b.docker, "--version"))},
		{"tools", said(b.tool("kind"), "version") + "; Helm " + said(b.tool("helm"), "version", "--short") + "; " + runtime.Version()},
		{"tkdeploy", said("git", "describe", "--tags", "--always", "--dirty")},
	}, nil
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	_, rest, _ := strings.Cut(string(text), "model name")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(line, " \t:")
}
