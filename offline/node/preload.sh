# shellcheck shell=bash
# The node's image store, filled before the node exists. Source it after lib.sh.

# make_preload BASE ARCHIVES LAYER imports all image archives of the folder
# ARCHIVES into the containerd of a container of the image BASE, and writes
# its store to the file LAYER.
make_preload() (
  base=$1 archives=$2 layer=$3
  # The volume: the store must not lie on the container's own overlay file
  # system, where overlay mounts cannot have their upper folder.
  container=$(docker run --detach --privileged --volume /var/lib/containerd --entrypoint sleep "$base" infinity)
  trap 'docker rm --force --volumes "$container" >/dev/null' EXIT
  docker exec --detach "$container" containerd --log-level warn
  for _ in $(seq 100); do
    docker exec "$container" ctr version >/dev/null 2>&1 && break
    sleep 0.1
  done
  for archive in "$archives"/*.tar; do
    docker exec --interactive "$container" ctr --namespace k8s.io images import $IMPORT_FLAGS - <"$archive" >/dev/null
  done
  docker exec "$container" sh -c 'kill $(pidof containerd); while pidof containerd >/dev/null; do sleep 0.1; done'
  docker exec "$container" tar --create --sort=name --mtime=@0 --directory / var/lib/containerd >"$layer"
)
