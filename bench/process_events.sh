#!/bin/sh
# What is lost and what it costs when many short processes run: each source against the same storm.
#
#   cargo build --release -p peregrine-os --examples
#   bench/process_events.sh TARGET_DIR/release/examples [COUNT] [SOURCE…]
#
# Each source runs twice: printing everything, to compare with the truth, and counting only, for its own cost.
# Needs root. Result: JSON lines.
set -eu
bin=$1
count=${2:-20000}
[ $# -gt 2 ] && shift 2 && sources=$* || sources="bpf cn_proc"
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

"$bin/storm" run "$dir/truth" "$count" 2> "$dir/storm"
echo "{\"without\": $(cat "$dir/storm")}"
for source in $sources; do
    for mode in "" --quiet; do
        mkfifo "$dir/stop"; : > "$dir/summary"
        "$bin/process_events" --source "$source" $mode < "$dir/stop" > "$dir/events" 2> "$dir/summary" &
        exec 3> "$dir/stop"
        until grep -q ready "$dir/summary"; do sleep 0.05; done
        "$bin/storm" run "$dir/truth" "$count" 2> "$dir/storm"
        sleep 1
        exec 3>&-
        wait
        rm "$dir/stop"
        echo "{\"source\": \"$source\", \"mode\": \"$mode\", \"storm\": $(cat "$dir/storm"), \"cost\": $(tail -n 1 "$dir/summary")}"
        [ -n "$mode" ] || "$bin/storm" compare "$dir/truth" "$dir/events"
    done
done
