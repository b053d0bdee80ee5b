#!/usr/bin/env bash
# Run govulncheck, or print SKIPPED if its database is not reachable.
set -euo pipefail
govulncheck=${1:?usage: govulncheck.sh PATH}
if ! output=$("$govulncheck" ./... 2>&1); then
  if grep -qE 'no such host|connection refused|i/o timeout|Forbidden|403' <<<"$output"; then
    echo "govulncheck: SKIPPED: its database is not reachable from this machine: $(tail -n 1 <<<"$output")"
    exit 0
  fi
  echo "$output" >&2
  exit 1
fi
echo "govulncheck: no known vulnerabilities in reachable code"
