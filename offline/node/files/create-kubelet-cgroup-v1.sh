#!/bin/sh
# Create the kubelet's cgroups in every mounted cgroup v1 hierarchy, like kind's
# mount_kubelet_cgroup_root, which runs before systemd.
set -eu
[ ! -f /sys/fs/cgroup/cgroup.controllers ] || exit 0
for hierarchy in /sys/fs/cgroup/*/; do
  # The others are links, or empty directories that systemd left after a failed mount.
  if mountpoint -q "$hierarchy" && [ ! -f "${hierarchy}cgroup.controllers" ]; then
    mkdir -p "${hierarchy}kubelet" "${hierarchy}kubelet.slice"
  fi
done
