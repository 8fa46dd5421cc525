#!/bin/sh
# Size of the release binary, as built and without symbols.
set -eu
cd "$(dirname "$0")/.."
program=${PEREGRINE_BIN:-${CARGO_TARGET_DIR:-target}/release/peregrine}
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$program"
mib() { awk -v bytes="$(stat -c %s "$1")" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
echo '| as built | stripped | stripped, gzip -9 |'
echo '| --- | --- | --- |'
gzip -9 -c "$stripped" > "$stripped.gz"
echo "| $(mib "$program") | $(mib "$stripped") | $(mib "$stripped.gz") |"
rm -f "$stripped.gz"
