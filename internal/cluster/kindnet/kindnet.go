// Package kindnet creates the Docker network that kind's nodes share and removes it
// when nothing uses it. Users create this network too, or attach their own containers,
// so it removes only networks that it has labeled.
package kindnet

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/cluster/dockercli"
)

// label marks the networks that Create has created.
const label = "tkdeploy.dev/created-by=tkdeploy"

// clusterLabel marks kind's node containers (sigs.k8s.io/kind
// pkg/cluster/internal/providers/docker/constants.go).
const clusterLabel = "io.x-k8s.kind.cluster"

// Name returns the name of the network that kind uses.
func Name() string { return cmp.Or(os.Getenv("KIND_EXPERIMENTAL_DOCKER_NETWORK"), "kind") }

// Create creates the network with a label and kind's own settings, unless it exists.
// It returns no error: kind creates a network that is missing, and then it remains,
// because it has no label.
func Create(ctx context.Context, d dockercli.Docker) {
	name := Name()
	found, err := dockercli.Output(ctx, d, "network", "ls", "--quiet", "--filter", "name=^"+regexp.QuoteMeta(name)+"$")
	if err != nil || found != "" {
		return
	}
	args := []string{"network", "create", "--driver", "bridge", "--label", label, "--opt", "com.docker.network.bridge.enable_ip_masquerade=true"}
	mtu, err := dockercli.Output(ctx, d, "network", "inspect", "bridge", "--format", `{{index .Options "com.docker.network.driver.mtu"}}`)
	if n, convErr := strconv.Atoi(mtu); err == nil && convErr == nil && n > 0 {
		args = append(args, "--opt", "com.docker.network.driver.mtu="+mtu)
	}
	if _, err = dockercli.Output(ctx, d, append(args, "--ipv6", "--subnet", subnet(name), name)...); err != nil && isWithoutIPv6(err) {
		_, _ = dockercli.Output(ctx, d, append(args, name)...)
	}
}

// isWithoutIPv6 recognizes the errors that kind does (network.go, isIPv6UnavailableError).
func isWithoutIPv6(err error) bool {
	return strings.Contains(err.Error(), "IPv6") || strings.Contains(err.Error(), "ip6tables")
}

// subnet returns the subnet that kind would use (network.go, generateULASubnetFromName).
func subnet(name string) string {
	sum := sha1.Sum(binary.BigEndian.AppendUint32([]byte(name), 0))
	ip := [16]byte{0xfc}
	copy(ip[2:8], sum[2:8])
	return netip.PrefixFrom(netip.AddrFrom16(ip), 64).String()
}

// RemoveUnused removes the networks that Create has created and that no container
// uses, not even a stopped one. note is called for a network that remains for other
// containers than nodes.
func RemoveUnused(ctx context.Context, d dockercli.Docker, note func(string)) error {
	lines, err := dockercli.Output(ctx, d, "network", "ls", "--filter", "label="+label, "--format", "{{.ID}} {{.Name}}")
	if err != nil {
		return err
	}
	for line := range strings.Lines(lines) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		users, err := dockercli.Output(ctx, d, "ps", "--all", "--filter", "network="+id, "--format", `{{.Names}} {{.Label "`+clusterLabel+`"}}`)
		if err != nil {
			return err
		}
		switch other := firstOther(users); {
		case users == "":
			if err := remove(ctx, d, id); err != nil {
				return err
			}
		case other != "":
			note(fmt.Sprintf("Docker network %s remains: container %s uses it", name, other))
		}
	}
	return nil
}

// remove ignores that another run has just removed the network, or attached a node.
func remove(ctx context.Context, d dockercli.Docker, id string) error {
	_, err := dockercli.Output(ctx, d, "network", "rm", id)
	if err != nil && (strings.Contains(err.Error(), "has active endpoints") || strings.Contains(err.Error(), "not found")) {
		return nil
	}
	return err
}

// firstOther returns the name of a container that is no node.
func firstOther(users string) string {
	for line := range strings.Lines(users) {
		if name, cluster, _ := strings.Cut(strings.TrimSpace(line), " "); cluster == "" {
			return name
		}
	}
	return ""
}
