# shellcheck shell=bash
# Debian root file systems from the host's package mirror. Source this file after lib.sh.

suite=bookworm

# debian_sources prints the host's apt sources for the suite, one per line.
# shellcheck disable=SC2016 # $(...) in the format is apt's
debian_sources() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$suite" -v key=/usr/share/keyrings/debian-archive-keyring.gpg '
      $3 == "main" && ($2 == suite || $2 == suite "-updates" || $2 == suite "-security") {
        print "deb [signed-by=" key "] " $1, $2, $3 }' | sort -u
}

# debian_options prints the host's apt settings for date checks. apt may reject
# a mirror that is an old snapshot, or any mirror if the clock is wrong.
debian_options() {
  apt-config dump --format '%F "%v";%n' Acquire | grep -E '^Acquire::Check-(Valid-Until|Date) ' || true
}

# rootfs NAME VARIANT PACKAGES [HOOK] builds a layer with the comma-separated
# PACKAGES and prints its path. VARIANT is mmdebstrap's: minbase, or extract to
# unpack packages without configuring them. HOOK is a script that runs at the end,
# with the root directory as its argument.
rootfs() {
  local name=$1 variant=$2 packages=$3 hook=${4:-} sources file
  need mmdebstrap=mmdebstrap apt-get=apt jq=jq
  sources=$(debian_sources)
  [ -n "$sources" ] || die "apt has no source for Debian $suite: add one in /etc/apt/sources.list.d"
  file=$cache/rootfs-$name-$({
    printf '%s\n' "$suite" "$variant" "$packages" "$sources"
    declare -f make_rootfs
    if [ -n "$hook" ]; then cat "$hook"; fi
  } | digest).tar
  cached "$file" make_rootfs "$name" "$variant" "$packages" "$hook" "$sources"
  echo "$file"
}

# make_rootfs NAME VARIANT PACKAGES HOOK SOURCES FILE builds the layer FILE.
make_rootfs() {
  local name=$1 variant=$2 packages=$3 hook=$4 sources=$5 file=$6
  local option options=()
  while read -r option; do options+=("--aptopt=$option"); done < <(debian_options)
  # Exclude what Docker's Debian images exclude, and do not fsync each file.
  for option in force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-include=/usr/share/doc/*/copyright' \
    'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/info/*' \
    'path-exclude=/usr/share/locale/*' 'path-exclude=/usr/share/lintian/*'; do
    options+=("--dpkgopt=$option")
  done
  case $variant in
    extract) options+=(${hook:+"--extract-hook=$hook \"\$1\""}) ;; # mmdebstrap stops after extract hooks
    *) options+=(${hook:+"--customize-hook=$hook \"\$1\""}) ;;
  esac
  say "Debian $suite for $name…"
  # mmdebstrap lowers newer time stamps to this value, which makes the layer
  # reproducible. Some archive readers reject 0.
  SOURCE_DATE_EPOCH=1 quietly "mmdebstrap for $name" \
    mmdebstrap --quiet --variant="$variant" --format=tar --skip=cleanup/run --include="$packages" "${options[@]}" \
    "$suite" "$file" - <<<"$sources"
}

# host_certificates ROOTFS prints the path of a layer with the host's
# certificate bundle, or nothing if the layer ROOTFS has the same bundle.
# Containers must also trust a corporate proxy with its own CA.
host_certificates() {
  local bundle=etc/ssl/certs/ca-certificates.crt file
  [ -r "/$bundle" ] || return 0
  if tar --extract --to-stdout --file "$1" "./$bundle" | cmp -s - "/$bundle"; then return 0; fi
  file=$cache/certificates-$(digest <"/$bundle").tar
  cached "$file" make_certificates "/$bundle"
  echo "$file"
}

# make_certificates BUNDLE FILE packs the certificate bundle into the layer FILE.
make_certificates() {
  local dir
  dir=$(mktemp -d)
  install -D -m 0644 "$1" "$dir$1"
  chmod -R a+rX "$dir" # these become the modes of the directories in the layer
  layer "$dir" "$2"
  rm -rf "$dir"
}

# debian_layers sets the array layers to Debian's base system and, if they
# differ, the host's certificates.
debian_layers() {
  local certificates
  layers=("$(rootfs debian minbase ca-certificates)")
  certificates=$(host_certificates "${layers[0]}")
  [ -z "$certificates" ] || layers+=("$certificates")
}

# debian_env prints the environment for debian_layers as a JSON list. If the
# layers include the host's certificates, it has the variables that point Go,
# OpenSSL and Node.js to them.
debian_env() {
  local bundle=/etc/ssl/certs/ca-certificates.crt
  if [ ${#layers[@]} -gt 1 ]; then
    jq -nc '$ARGS.positional' --args "PATH=$search_path" "SSL_CERT_FILE=$bundle" "NODE_EXTRA_CA_CERTS=$bundle"
  else
    jq -nc '$ARGS.positional' --args "PATH=$search_path"
  fi
}
