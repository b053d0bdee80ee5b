# shellcheck shell=bash
# The node's files: kind's files, our programs and the pod network. Source this
# file after images.sh.

# The packages of kind's base image, except those that only its storage tests and
# rootless engines use.
node_packages=systemd,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2
node_packages+=,pigz,bash,ca-certificates,jq,procps,nfs-common,e2fsprogs

# node_rootfs prints the path of the layer with these packages.
node_rootfs() { rootfs node minbase "$node_packages" "$PWD/customize"; }

# node_files TREE fills the directory TREE.
node_files() {
  local tree=$1
  mkdir "$tree"
  cp -r "$kind/images/base/files/." "$tree"
  # The module cache is read-only and has no execute bits.
  find "$tree" -type d -exec chmod 0755 {} +
  find "$tree" -type f -exec chmod 0644 {} +
  chmod 0755 "$tree"/usr/local/bin/* "$tree"/kind/bin/*
  node_programs "$tree"
  node_settings "$tree"
  node_manifests "$tree"
}

node_programs() {
  local tree=$1 kubernetes containerd
  kubernetes=$(module_dir kubernetes) containerd=$(module_dir containerd)
  install -D -t "$tree/usr/bin" "$kubernetes"/{kubelet,kubeadm,kubectl}
  install -D -t "$tree/usr/local/bin" "$containerd"/{containerd,ctr,containerd-shim-runc-v2}
  install -D -t "$tree/usr/local/sbin" "$(module_dir runc)/runc"
  install -D -t "$tree/opt/cni/bin" "$(module_dir cni)"/*
}

node_settings() {
  local tree=$1 unit
  # Without CAP_SYS_RESOURCE, oom_score_adj cannot be lowered. On other hosts this
  # only keeps containerd from going below its own score.
  sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$tree/etc/containerd/config.toml"
  "$(module_dir containerd)/ctr" oci spec |
    jq '.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
      >"$tree/etc/containerd/cri-base.json"
  for unit in kubelet containerd; do
    install -D -m 0644 files/12-cgroup-v1-$unit.conf "$tree/etc/systemd/system/$unit.service.d/12-cgroup-v1.conf"
  done
  install -m 0755 files/create-kubelet-cgroup-v1.sh "$tree/kind/bin/create-kubelet-cgroup-v1.sh"
  # kindnetd is not published as a Go module.
  install -d "$tree/etc/cni/net.d"
  install -m 0644 files/pod-network.conflist "$tree/kind/pod-network.conflist"
  install -m 0755 files/pod-network.sh "$tree/kind/bin/pod-network.sh"
  install -m 0644 files/pod-network.service "$tree/etc/systemd/system/pod-network.service"
  install -m 0644 files/13-pod-network.conf "$tree/etc/systemd/system/kubelet.service.d/13-pod-network.conf"
  mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
  for unit in kubelet containerd undo-mount-hacks; do
    ln -s "/etc/systemd/system/$unit.service" "$tree/etc/systemd/system/multi-user.target.wants/$unit.service"
  done
}

node_manifests() {
  local tree=$1
  mkdir -p "$tree/etc/kubernetes/manifests" "$tree/kind/manifests"
  printf %s "$(module_version kubernetes)" >"$tree/kind/version"
  install -m 0644 files/default-cni.yaml "$tree/kind/manifests/default-cni.yaml"
  # The manifest is a Go string that contains two image constants.
  sed -n '/^const defaultStorageManifest = `/,/^`/p' "$kind/pkg/build/nodeimage/const_storage.go" |
    sed "1d; \$d; s#\` + storageProvisionerImage + \`#$(storage_image Provisioner)#; s#\` + storageHelperImage + \`#$(storage_image Helper)#" \
      >"$tree/kind/manifests/default-storage.yaml"
}
