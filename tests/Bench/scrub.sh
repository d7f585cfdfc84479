#!/usr/bin/env bash
# What a scrub at full speed costs the foreground: 4K random reads at depth 1 with and without it, in pairs, on each layout.
# Also what a resilver of a device that missed little reads and writes.
#   scrub.sh [ROUNDS=5]
# Needs root for loop devices. Touches only processes, ports and devices of its own, and removes them.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
rounds=${1:-5} region=$((512 << 20))
disks=${BENCH_DIR:-out/bench/disks} work=$(mktemp -d) loops=() daemon=
cleanup() {
  local device
  [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true; }
  for device in "${loops[@]}"; do losetup -d "$device" || true; done
  rm -rf "$work" "$disks"
}
trap cleanup EXIT
mkdir -p "$disks" out/bench
gcc -O2 -Wall -Wextra -Werror -o out/bench/libiscsi_load tests/Bench/libiscsi_load.c -liscsi
port=$((20000 + RANDOM % 30000))
export CSTOR_SOCKET=$work/socket
out/cstor daemon --state-dir "$work/state" --socket "$CSTOR_SOCKET" --iscsi "127.0.0.1:$port" >"$work/log" 2>&1 &
daemon=$!
for _ in $(seq 100); do out/cstor pool list >/dev/null 2>&1 && break; sleep 0.1; done

# load TARGET KIND BYTES DEPTH SECONDS: prints IOPS p50 p99 COUNT
load() { out/bench/libiscsi_load "127.0.0.1:$port" "$1" 0 "$2" "$3" "$4" "$5" $region; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-10s %12s %12s %8s %12s\n' layout "p50 alone us" "p50 scrub us" ratio "scrub MB/s"
for layout in "mirror 2" "raidz 4" "raidz2 5"; do
  read -r kind width <<<"$layout"
  devices=()
  for i in $(seq "$width"); do
    truncate -s 2G "$disks/$kind-$i"
    devices+=("$(losetup --find --show --direct-io=on --sector-size 4096 "$disks/$kind-$i")")
  done
  loops+=("${devices[@]}")
  pool=b${kind}
  out/cstor pool create "$pool" "$kind" "${devices[@]}" >/dev/null
  out/cstor volume create -b 16K "$pool/v" $region >/dev/null
  target=iqn.2026-11.io.cstor:$pool.v
  load "$target" fill 131072 8 0 >/dev/null
  : >"$work/alone"; : >"$work/scrubbed"; : >"$work/rate"
  for _ in $(seq "$rounds"); do
    load "$target" randread 4096 1 2 | awk '{ print $2 }' >>"$work/alone"
    out/cstor pool scrub "$pool" >/dev/null
    load "$target" randread 4096 1 2 | awk '{ print $2 }' >>"$work/scrubbed"
    out/cstor pool scrub -s "$pool" >/dev/null 2>&1 || echo "the scrub ended within the load" >>"$work/notes"
    started=$(date +%s.%N)
    out/cstor pool scrub -w "$pool" >/dev/null
    out/cstor pool status "$pool" --json | awk -v s="$started" -v e="$(date +%s.%N)" -F'[:,]' '
      { for (i = 1; i < NF; i++) if ($i ~ /examinedBytes/) { print $(i + 1) / (e - s) / 1e6; exit } }' >>"$work/rate"
  done
  awk -v l="$kind-$width" -v a="$(median <"$work/alone")" -v b="$(median <"$work/scrubbed")" -v r="$(median <"$work/rate")" \
    'BEGIN { printf "%-10s %12.1f %12.1f %8.2f %12.0f   (asked: at most 2)\n", l, a, b, b / a, r }'

  # A device away for some writes: what its resilver issues.
  out/cstor pool offline "$pool" "${devices[1]}" >/dev/null
  load "$target" randwrite 4096 1 1 | awk '{ print $4 }' >"$work/missed"
  out/cstor pool online "$pool" "${devices[1]}" >/dev/null
  out/cstor pool wait "$pool" >/dev/null
  out/cstor pool status "$pool" --json | awk -v n="$(cat "$work/missed")" -F'[:,]' '
    { for (i = 1; i < NF; i++) if ($i ~ /issuedBytes/) {
        printf "           resilver after %d missed 4K writes: %.1f MB issued, %.1f KiB for each; the pool holds 512 MiB\n", n, $(i + 1) / 1e6, $(i + 1) / n / 1024
        exit } }'
  out/cstor volume destroy -f "$pool/v" >/dev/null 2>&1 || out/cstor volume destroy "$pool/v" >/dev/null
  out/cstor pool export "$pool" >/dev/null
done
[ ! -s "$work/notes" ] || sort "$work/notes" | uniq -c
