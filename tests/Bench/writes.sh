#!/usr/bin/env bash
# The write path of the engine alone, against the raw device: see Writes/Program.cs.
#   writes.sh [quick|full] [all|writes|snapshots|memory]
# environment: BENCH_DIR=out/bench/disks  where the files under the loop devices go: the disk that is measured
#              MINUTES=60  how long memory is watched
# Needs root for loop devices. Touches only devices of its own, and removes them.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
mode=${1:-quick} part=${2:-all}
disks=${BENCH_DIR:-out/bench/disks} loops=()
cleanup() {
  local device
  for device in "${loops[@]}"; do losetup -d "$device" || true; done
  rm -f "$disks/writes-raw" "$disks/writes-pool"
}
trap cleanup EXIT
mkdir -p "$disks" out/bench
log=out/bench/writes-publish.log
if ! dotnet publish tests/Bench/Writes/Cstor.WriteBench.csproj -c Release -o out/bench/writes -nologo -v quiet >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
# Written through once, so that the file system below allocates nothing while it is measured.
make_disk() {
  dd if=/dev/zero of="$disks/$1" bs=4M count="$2" oflag=direct status=none
  loops+=("$(losetup --find --show --direct-io=on --sector-size 4096 "$disks/$1")")
}
make_disk writes-raw 256
make_disk writes-pool 3584
out/bench/writes/write-bench "${loops[0]}" "${loops[1]}" "$mode" "$part" | tee out/bench/writes.txt
