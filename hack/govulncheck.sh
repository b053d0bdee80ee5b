#!/usr/bin/env bash
# Run govulncheck where its database can be reached, and say so where not.
set -euo pipefail
govulncheck=${1:?usage: govulncheck.sh PATH}
if ! said=$("$govulncheck" ./... 2>&1); then
  if grep -qE 'no such host|connection refused|i/o timeout|Forbidden|403' <<<"$said"; then
    echo "govulncheck: SKIPPED: its database cannot be reached from this machine: $(tail -n 1 <<<"$said")"
    exit 0
  fi
  echo "$said" >&2
  exit 1
fi
echo "govulncheck: no known vulnerability is reached"
