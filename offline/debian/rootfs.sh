# shellcheck shell=bash
# Debian root file systems from the host's own package mirror. Source it after lib.sh.

suite=bookworm

# debian_sources prints the host's sources of the suite, one apt line each.
# shellcheck disable=SC2016 # $(...) in the format is apt's
debian_sources() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$suite" -v key=/usr/share/keyrings/debian-archive-keyring.gpg '
      $3 == "main" && ($2 == suite || $2 == suite "-updates" || $2 == suite "-security") {
        print "deb [signed-by=" key "] " $1, $2, $3 }' | sort -u
}

# debian_options prints those apt settings of the host without which its mirror
# may be refused: a mirror that is a snapshot of an old day, a wrong clock.
debian_options() {
  apt-config dump --format '%F "%v";%n' Acquire | grep -E '^Acquire::Check-(Valid-Until|Date) ' || true
}

# rootfs NAME VARIANT PACKAGES [HOOK] prints the name of a layer file with the
# comma-separated PACKAGES. VARIANT is mmdebstrap's: minbase, or extract for
# packages unpacked and not configured. HOOK is a script that gets the root
# folder afterwards.
rootfs() {
  local name=$1 variant=$2 packages=$3 hook=${4:-} sources file
  need mmdebstrap=mmdebstrap apt-get=apt jq=jq
  sources=$(debian_sources)
  [ -n "$sources" ] || die "apt has no source of Debian $suite: add one under /etc/apt/sources.list.d"
  file=$cache/rootfs-$name-$({
    printf '%s\n' "$suite" "$variant" "$packages" "$sources"
    declare -f make_rootfs
    if [ -n "$hook" ]; then cat "$hook"; fi
  } | digest).tar
  cached "$file" make_rootfs "$name" "$variant" "$packages" "$hook" "$sources"
  echo "$file"
}

# make_rootfs NAME VARIANT PACKAGES HOOK SOURCES FILE
make_rootfs() {
  local name=$1 variant=$2 packages=$3 hook=$4 sources=$5 file=$6
  local option options=()
  while read -r option; do options+=("--aptopt=$option"); done < <(debian_options)
  # What Docker's own Debian images leave out, and no fsync for each file.
  for option in force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-include=/usr/share/doc/*/copyright' \
    'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/info/*' \
    'path-exclude=/usr/share/locale/*' 'path-exclude=/usr/share/lintian/*'; do
    options+=("--dpkgopt=$option")
  done
  case $variant in
    extract) options+=(${hook:+"--extract-hook=$hook \"\$1\""}) ;; # it ends there
    *) options+=(${hook:+"--customize-hook=$hook \"\$1\""}) ;;
  esac
  say "Debian $suite for $name…"
  # The epoch: mmdebstrap then cuts every newer time stamp down to it, and the
  # same packages give the same layer. Not 0, which some archive readers refuse.
  SOURCE_DATE_EPOCH=1 quietly "mmdebstrap for $name" \
    mmdebstrap --quiet --variant="$variant" --format=tar --skip=cleanup/run --include="$packages" "${options[@]}" \
    "$suite" "$file" - <<<"$sources"
}

# host_certificates ROOTFS prints the name of a layer with the host's
# certificate bundle, or nothing where the bundle in the layer ROOTFS is the
# same: a company's proxy with a CA of its own must be trusted inside, too.
host_certificates() {
  local bundle=etc/ssl/certs/ca-certificates.crt file
  [ -r "/$bundle" ] || return 0
  if tar --extract --to-stdout --file "$1" "./$bundle" | cmp -s - "/$bundle"; then return 0; fi
  file=$cache/certificates-$(digest <"/$bundle").tar
  cached "$file" make_certificates "/$bundle"
  echo "$file"
}

make_certificates() {
  local dir
  dir=$(mktemp -d)
  install -D -m 0644 "$1" "$dir$1"
  chmod -R a+rX "$dir" # the layer's folders take their modes from these
  layer "$dir" "$2"
  rm -rf "$dir"
}

# debian_layers fills the array layers with Debian's base system and, where
# they are needed, the host's certificates.
debian_layers() {
  local certificates
  layers=("$(rootfs debian minbase ca-certificates)")
  certificates=$(host_certificates "${layers[0]}")
  [ -z "$certificates" ] || layers+=("$certificates")
}

# debian_env prints, as a JSON list, the environment that goes with them: with
# the host's certificates also the variables by which Go, OpenSSL and Node.js
# find these.
debian_env() {
  local bundle=/etc/ssl/certs/ca-certificates.crt
  if [ ${#layers[@]} -gt 1 ]; then
    jq -nc '$ARGS.positional' --args "PATH=$search_path" "SSL_CERT_FILE=$bundle" "NODE_EXTRA_CA_CERTS=$bundle"
  else
    jq -nc '$ARGS.positional' --args "PATH=$search_path"
  fi
}
