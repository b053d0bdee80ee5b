#!/bin/sh
# Make the kubelet's groups in every mounted cgroup v1 hierarchy that lacks
# them. The same as kind's mount_kubelet_cgroup_root, which runs before systemd.
set -eu
[ ! -f /sys/fs/cgroup/cgroup.controllers ] || exit 0
for hierarchy in /sys/fs/cgroup/*/; do
  # Others are empty folders or links that systemd left after a refused mount.
  if mountpoint -q "$hierarchy" && [ ! -f "${hierarchy}cgroup.controllers" ]; then
    mkdir -p "${hierarchy}kubelet" "${hierarchy}kubelet.slice"
  fi
done
