#!/usr/bin/env bash
# Run govulncheck, or print SKIPPED if its database is not reachable. Findings that
# .vex/tkdeploy.openvex.json declares as not affecting tkdeploy are no failure.
set -euo pipefail
govulncheck=${1:?usage: govulncheck.sh PATH}
cd "$(dirname "$0")/.."
if ! output=$("$govulncheck" -format json ./... 2>&1); then
  if grep -qE 'no such host|connection refused|i/o timeout|Forbidden|403' <<<"$output"; then
    echo "govulncheck: SKIPPED: its database is not reachable from this machine: $(tail -n 1 <<<"$output")"
    exit 0
  fi
  echo "$output" >&2
  exit 1
fi
hack/packages.sh --check jq
# A finding whose trace begins with a function is in code that tkdeploy can call.
found=$(jq -rs --slurpfile vex .vex/tkdeploy.openvex.json \
  '[.[].finding // empty | select(.trace[0].function) | .osv] | unique - [$vex[].statements[].vulnerability.name] | .[]' <<<"$output")
if [ -n "$found" ]; then
  echo "govulncheck: vulnerable code can be called: ${found//$'\n'/ }" >&2
  "$govulncheck" ./... >&2 || true
  exit 1
fi
echo "govulncheck: no known vulnerabilities in reachable code"
