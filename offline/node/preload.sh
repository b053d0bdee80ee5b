# shellcheck shell=bash
# The node's image store, filled before the node exists. Source it after lib.sh.

# make_preload BASE ARCHIVES LAYER imports all image archives of the folder
# ARCHIVES into the containerd of a container of the image BASE, and writes
# its store to the file LAYER.
make_preload() (
  base=$1 archives=$2 layer=$3
  container=$(docker run --detach --security-opt seccomp=unconfined --entrypoint sleep "$base" infinity)
  trap 'docker rm --force --volumes "$container" >/dev/null' EXIT
  docker exec --detach "$container" containerd --log-level error
  await_containerd "$container"
  for archive in "$archives"/*.tar; do
    # Not unpacked, as in `kind build`: the node chooses its snapshotter by the
    # host's file system. Unpacked here, nodes were measured to start no sooner.
    quietly "ctr import of $(basename "$archive")" docker exec --interactive "$container" \
      ctr --namespace k8s.io images import --local --no-unpack - <"$archive"
  done
  # It writes its database's last pages when it ends.
  # shellcheck disable=SC2016 # for the container's shell
  docker exec "$container" sh -c 'kill $(pidof containerd); while pidof containerd >/dev/null; do sleep 0.1; done'
  docker exec "$container" tar --create --sort=name --mtime=@0 --directory / var/lib/containerd >"$layer"
)

await_containerd() {
  local attempt
  for attempt in {1..300}; do
    if docker exec "$1" ctr version >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  die "containerd did not start in the new node image (after $attempt attempts)"
}
