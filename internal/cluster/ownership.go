package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/cluster/remote"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// ownerMounts is the directory of the mounts that name the owner of a node.
const ownerMounts = "/etc/tkdeploy/"

func (s Spec) owner() string      { return s.Project + "/" + s.Env }
func (s Spec) ownerMount() string { return ownerMounts + s.owner() }

// ownerDir is mounted at ownerMount. Its path identifies the state directory. It is ""
// before the first create on a remote engine.
func (s Spec) ownerDir() (string, error) {
	if !s.Machine.IsRemote() {
		return filepath.Join(s.StateDir, ownerName), nil
	}
	data, err := remote.ReadData(s.StateDir)
	if err != nil || data == "" {
		return "", err
	}
	return remote.OwnerDir(data), nil
}

const ownerName = "owner"

// ownerFile contains the owner of StateDir: "<project>/<environment>".
func (s Spec) ownerFile() string { return filepath.Join(s.StateDir, "owned-by") }

// CheckOwnership fails with [fault.NotOwned] if a cluster of this name or its state
// directory has another owner. The cluster need not exist.
func (c *Cluster) CheckOwnership(ctx context.Context) error {
	nodes, err := c.containers(ctx)
	if err != nil {
		return fault.New(fault.Environment, err, "")
	}
	return c.checkOwner(nodes)
}

// CheckRecord fails with [fault.NotOwned] if the state directory has another owner.
// It needs no engine.
func (c *Cluster) CheckRecord() error {
	owner, err := c.recordedOwner()
	if err != nil || owner == "" || owner == c.owner() {
		return err
	}
	return c.notOwnedError(fmt.Sprintf("belongs to %s, not to %s: its data is in %s", owner, c.owner(), c.StateDir),
		fmt.Sprintf("set another cluster name for this environment, or delete the data with the configuration of %s: tkdeploy down --volumes", owner))
}

func (c *Cluster) checkOwner(nodes []container) error {
	for _, n := range nodes {
		if err := c.checkNode(n); err != nil {
			return err
		}
	}
	if err := c.CheckRecord(); err != nil || len(nodes) > 0 {
		return err
	}
	return c.checkUnrecorded()
}

func (c *Cluster) checkNode(n container) error {
	source, ok := n.mountSource(c.ownerMount())
	if !ok {
		reason := fmt.Sprintf("node %s was not created by tkdeploy for %s", n.Name, c.owner())
		if owner := n.owner(); owner != "" {
			reason = fmt.Sprintf("belongs to %s, not to %s", owner, c.owner())
		}
		return c.notOwnedError(reason, "")
	}
	own, err := c.ownerDir()
	if err != nil || isSameDir(source, own) {
		return err
	}
	theirs := filepath.Dir(source)
	hint := "run as the user who created it; or set another cluster name for this environment"
	if state, ok := strings.CutSuffix(theirs, "/tkdeploy/clusters/"+c.Name); ok {
		hint += "\nif it is yours: XDG_STATE_HOME=" + state
	}
	return c.notOwnedError(fmt.Sprintf("belongs to %s of another user or state directory: its data is in %s, not in %s", c.owner(), theirs, c.StateDir), hint)
}

// checkUnrecorded protects the data of versions that recorded no owner. Only the
// namespaces in it show whose it is.
func (c *Cluster) checkUnrecorded() error {
	if owner, err := c.recordedOwner(); err != nil || owner != "" {
		return err
	}
	for _, dir := range []string{c.volumesDir(), c.secretsDir()} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.Environment, fmt.Errorf("find the owner of the data of cluster %s: %w", c.Name, err), "")
		}
		for _, entry := range entries {
			if entry.Name() != c.Namespace {
				return c.notOwnedError(fmt.Sprintf("has data of an unknown owner, of namespace %s: %s", entry.Name(), filepath.Join(dir, entry.Name())),
					fmt.Sprintf("set another cluster name for this environment; or, if the data is that of %s: echo %[1]s >%s", c.owner(), c.ownerFile()))
			}
		}
	}
	return nil
}

// claim records the owner of the state directory before anything is written to it.
// It fails if there is another one.
func (c *Cluster) claim() error {
	owner, err := c.recordedOwner()
	if err != nil {
		return err
	}
	if owner == "" {
		return writePrivate(c.ownerFile(), []byte(c.owner()+"\n"))
	}
	return c.CheckRecord()
}

// recordedOwner returns "" if the directory does not exist or is that of a version
// without records.
func (c *Cluster) recordedOwner() (string, error) {
	text, err := files.Read(c.ownerFile(), 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fault.New(fault.Environment, fmt.Errorf("find the owner of the data of cluster %s: %w", c.Name, err), "")
	}
	return strings.TrimSpace(string(text)), nil
}

func (c *Cluster) notOwnedError(reason, hint string) error {
	if hint == "" {
		hint = "set another cluster name for this environment, or delete the existing cluster: kind delete cluster --name " + c.Name
	}
	return fault.New(fault.NotOwned, fmt.Errorf("cluster %s: %s", c.Name, reason), hint)
}

// owned returns the nodes that belong to the owner. Only these may be removed.
func (c *Cluster) owned(nodes []container) []container {
	return slices.DeleteFunc(slices.Clone(nodes), func(n container) bool { return c.checkNode(n) != nil })
}

// owner returns the owner in a mount of the node, or "".
func (n container) owner() string {
	for _, m := range n.Mounts {
		if owner, ok := strings.CutPrefix(m.Destination, ownerMounts); ok {
			return owner
		}
	}
	return ""
}

func (n container) mountSource(destination string) (source string, ok bool) {
	for _, m := range n.Mounts {
		if m.Destination == destination {
			return m.Source, true
		}
	}
	return "", false
}

// isSameDir compares a path that the engine reports with a path on this machine.
// Docker Desktop reports paths below /host_mnt, with links such as macOS's /tmp resolved.
func isSameDir(reported, local string) bool {
	reported = strings.TrimPrefix(reported, "/host_mnt")
	if reported == local {
		return true
	}
	a, errA := os.Stat(reported)
	b, errB := os.Stat(local)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
