#!/usr/bin/env bash
# Instructions per row of VQL, counted by callgrind: `bench/vql/instructions.sh [LETTER…]` (default: a b). The same
# program runs over N and 2N rows; the difference, divided by N, is free of start-up. Repeatable on a busy machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v valgrind >/dev/null || { echo 'valgrind is missing: apt-get install valgrind' >&2; exit 1; }
cargo build --locked --release --package bench-vql --quiet
program=${CARGO_TARGET_DIR:-target}/release/bench-vql
count() { # letter, scale
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" --only-vql --scale "$2" 2>&1 |
    sed -n 's/.*Collected : //p'
}
printf '| case | instructions per row |\n|---|---|\n'
[ $# -gt 0 ] || set -- a b
for letter in "$@"; do
  one=$(count "$letter" 0.01)
  two=$(count "$letter" 0.02)
  rows=$("$program" "$letter" --rows --scale 0.01)
  printf '| (%s) | %s |\n' "$letter" "$(((two - one) / rows))"
done
