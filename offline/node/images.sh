# shellcheck shell=bash
# The images of the cluster's components. Source this file after binaries.sh.

# kind_source prints the source directory of kind's module.
kind_source() {
  local module
  module="$(module_path kind)@$(module_version kind)"
  go mod download -json "$module" | jq -er .Dir || die "downloading the module $module failed"
}

# storage_image Provisioner|Helper prints the image reference in kind's manifest.
storage_image() { sed -n "s/^const storage$1Image = \"\\(.*\\)\"/\\1/p" "$kind/pkg/build/nodeimage/const_storage.go"; }

# component_images DIR writes the archives of all images that a new cluster needs.
# kubeadm lists the Kubernetes images, as in `kind build`.
component_images() {
  local dir=$1 kubernetes iptables image name
  kubernetes=$(module_dir kubernetes)
  iptables=$(kube_proxy_rootfs)
  for image in $("$kubernetes/kubeadm" config images list --kubernetes-version "$(module_version kubernetes)"); do
    name=$(basename "${image%:*}")
    case $name in
      kube-proxy) component "$dir" "$image" "$kubernetes/$name" "/usr/local/bin/$name" "$iptables" ;;
      kube-*) component "$dir" "$image" "$kubernetes/$name" "/usr/local/bin/$name" ;;
      etcd) component "$dir" "$image" "$(module_dir etcd)/etcd" /usr/local/bin/etcd ;;
      coredns) component "$dir" "$image" "$(module_dir coredns)/coredns" /coredns ;;
      pause) ;; # see below: containerd's configuration names the image
      *) die "unknown image in kubeadm's list: $image" ;;
    esac
  done
  gcc -Os -static -s -o "$dir/pause" files/pause.c
  image=$(sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' "$kind/images/base/files/etc/containerd/config.toml")
  component "$dir" "$image" "$dir/pause" /pause
  storage_images "$dir"
}

# storage_images DIR writes the archives of kind's storage provisioner and of the
# helper that creates and removes volumes for it.
storage_images() {
  local dir=$1
  shell_tree "$dir/shell"
  layer "$dir/shell" "$dir/shell.layer"
  component "$dir" "$(storage_image Provisioner)" "$(module_dir storage)/local-path-provisioner" /usr/local/lib/local-path-provisioner "$dir/shell.layer"
  image_archive "$(storage_image Helper)" "{\"Env\": [\"PATH=$search_path\"]}" "$dir/shell.layer" >"$dir/helper.tar"
}

# shell_tree TREE fills the directory TREE with a shell and the provisioner's start script.
shell_tree() {
  local tree=$1 command
  install -D "$(command -v busybox)" "$tree/bin/busybox"
  for command in sh mkdir rm nc seq sleep; do ln -s busybox "$tree/bin/$command"; done
  install -D files/local-path-provisioner "$tree/usr/local/bin/local-path-provisioner"
}

# component DIR REF FILE PATH [BASE] writes the archive of the image REF, which
# has FILE at PATH, on top of the layer BASE if given.
component() {
  local dir=$1 ref=$2 file=$3 path=$4 base=${5:-} tree
  tree=$(mktemp -d -p "$dir")
  install -D -m 0755 "$file" "$tree$path"
  chmod 0755 "$tree"
  layer "$tree" "$tree.layer"
  image_archive "$ref" "{\"Env\": [\"PATH=$search_path\"], \"Entrypoint\": [\"$path\"]}" ${base:+"$base"} "$tree.layer" >"$dir/$(basename "$path").tar"
  rm -rf "$tree" "$tree.layer"
}

# kube_proxy_rootfs prints the path of a layer with the commands that kube-proxy runs.
kube_proxy_rootfs() { rootfs kube-proxy extract iptables,nftables,conntrack "$PWD/customize-kube-proxy"; }
