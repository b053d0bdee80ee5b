# shellcheck shell=bash
# The node's preloaded image store. Source this file after lib.sh.

# make_preload BASE ARCHIVES LAYER imports all image archives in the directory
# ARCHIVES with the containerd in a container of the image BASE. It writes the
# resulting store to the file LAYER.
make_preload() (
  base=$1 archives=$2 layer=$3
  container=$(docker run --detach --security-opt seccomp=unconfined --entrypoint sleep "$base" infinity)
  trap 'docker rm --force --volumes "$container" >/dev/null' EXIT
  docker exec --detach "$container" containerd --log-level error
  await_containerd "$container"
  for archive in "$archives"/*.tar; do
    # Do not unpack, as in `kind build`: the node selects its snapshotter by the
    # host's file system. Measured: nodes with unpacked images start no faster.
    quietly "ctr import of $(basename "$archive")" docker exec --interactive "$container" \
      ctr --namespace k8s.io images import --local --no-unpack - <"$archive"
  done
  # containerd writes the last pages of its database on exit.
  # shellcheck disable=SC2016 # expanded by the container's shell
  docker exec "$container" sh -c 'kill $(pidof containerd); while pidof containerd >/dev/null; do sleep 0.1; done'
  docker exec "$container" tar --create --sort=name --mtime=@0 --directory / var/lib/containerd >"$layer"
)

# await_containerd CONTAINER waits up to 30 s until containerd responds.
await_containerd() {
  local attempt
  for attempt in {1..300}; do
    if docker exec "$1" ctr version >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  die "containerd in the node image did not respond after $attempt attempts"
}
