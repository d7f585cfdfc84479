#!/usr/bin/env bash
# The raw device, tgt and cstor in one run: every round measures each load on each of them in turn, and the table shows medians.
#   bench.sh [quick|full]
# environment: SUBJECTS="raw tgt cstor"   which to measure
#              BENCH_DIR=out/bench/disks  where the files under the loop devices go: the disk that is measured
#              LOADS=REGEX                only the loads whose name matches
#              CACHE=metadata             what cstor keeps in memory of the volume with random loads
# Needs root for loop devices (asks by sudo). Touches only processes, ports and devices of its own, and removes them.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
if [ "$(id -u)" != 0 ]; then
  echo "The bench makes loop devices, for which it needs root"
  exec sudo --preserve-env=SUBJECTS,BENCH_DIR,LOADS,CACHE "$0" "$@"
fi
mode=${1:-quick}
case $mode in
  quick) rounds=3 seconds=1 ;;
  full) rounds=5 seconds=2 ;;
  *) echo "usage: $0 quick|full" >&2; exit 2 ;;
esac
subjects=${SUBJECTS:-raw tgt cstor}
disks=${BENCH_DIR:-out/bench/disks}
work=$(mktemp -d)
results=out/bench/results.tsv
region=$((1 << 30))
loops=() pids=()
declare -A loop pid port target lun


# stop_process PID: asks, and after two seconds insists
stop_process() {
  kill "$1" 2>/dev/null || return 0
  (sleep 2; kill -9 "$1" 2>/dev/null) &
  wait "$1" 2>/dev/null || true
}

cleanup() {
  local status=$? p device
  for p in "${pids[@]}"; do stop_process "$p"; done
  for device in "${loops[@]}"; do losetup -d "$device" || true; done
  [ "$status" = 0 ] || tail -n 20 "$work"/*.log 2>/dev/null || true
  rm -rf "$work" "$disks"
  [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" out/bench
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# name | client | device behind | kind | bytes | depth
loads() {
  cat <<'LOADS'
4K random read q1|libiscsi|disk|randread|4096|1
4K random read q32|libiscsi|disk|randread|4096|32
4K random write q1|libiscsi|disk|randwrite|4096|1
4K random write q32|libiscsi|disk|randwrite|4096|32
128K sequential read q1|libiscsi|seq|read|131072|1
128K sequential read q32|libiscsi|seq|read|131072|32
128K sequential write q1|libiscsi|seq|write|131072|1
128K sequential write q32|libiscsi|seq|write|131072|32
1M sequential read q8|libiscsi|seq|read|1048576|8
1M sequential write q8|libiscsi|seq|write|1048576|8
128K read of 4K overwrites q32|libiscsi|disk|read|131072|32
4K durable write q1|libiscsi|disk|durable|4096|1
4K durable write q32|libiscsi|disk|durable|4096|32
null 4K random read q32|libiscsi|null|randread|4096|32
null 4K random write q32|libiscsi|null|randwrite|4096|32
null 128K read q32|libiscsi|null|read|131072|32
null 128K write q32|libiscsi|null|write|131072|32
batching 4K random read q32|batch|disk|randread|4096|32
batching 4K random write q32|batch|disk|randwrite|4096|32
batching null 4K read q128|batch|null|randread|4096|128
batching null 4K write q128|batch|null|randwrite|4096|128
batching null 128K read q32|batch|null|read|131072|32
batching null 128K write q32|batch|null|write|131072|32
LOADS
}

free_port() {
  local candidate
  while :; do
    candidate=$((20000 + RANDOM % 30000))
    (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null || { echo "$candidate"; return; }
  done
}

# make_disk SUBJECT SIZE: a loop device over a file that is written once, so that no load pays for its first allocation
make_disk() {
  local file=$disks/$1.img device
  mkdir -p "$disks"
  dd if=/dev/zero of="$file" bs=4M count=$(($2 >> 22)) oflag=direct status=none
  device=$(losetup --find --show --direct-io=on --sector-size 4096 "$file")
  loops+=("$device")
  loop[$1]=$device
}

wait_for_port() {
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    sleep 0.1
  done
  echo "nothing listens on port $1" >&2
  return 1
}

fill_disk() {
  fio --name=fill --filename="$1" --rw=write --bs=1M --size=$region --direct=1 --ioengine=io_uring --iodepth=8 \
    --minimal >/dev/null
}

start_raw() {
  make_disk raw $region
  fill_disk "${loop[raw]}"
}

start_tgt() {
  local control admin
  make_disk tgt $region
  fill_disk "${loop[tgt]}"
  port[tgt]=$(free_port)
  control=$((1 + RANDOM % 20000))
  tgtd -f --iscsi "portal=127.0.0.1:${port[tgt]}" --control-port "$control" >"$work/tgt.log" 2>&1 &
  pid[tgt]=$! pids+=($!)
  wait_for_port "${port[tgt]}"
  admin="tgtadm --control-port $control --lld iscsi"
  $admin --op new --mode target --tid 1 -T iqn.2026-11.io.cstor:disk
  # Its aio backing store opens the device with O_DIRECT.
  $admin --op new --mode logicalunit --tid 1 --lun 1 --bstype aio --blocksize 4096 -b "${loop[tgt]}"
  $admin --op bind --mode target --tid 1 -I ALL
  $admin --op new --mode target --tid 2 -T iqn.2026-11.io.cstor:null
  truncate -s $region "$work/null.img"
  $admin --op new --mode logicalunit --tid 2 --lun 1 --bstype null --blocksize 4096 -b "$work/null.img"
  $admin --op bind --mode target --tid 2 -I ALL
  target[tgt.disk]=iqn.2026-11.io.cstor:disk target[tgt.seq]=iqn.2026-11.io.cstor:disk
  target[tgt.null]=iqn.2026-11.io.cstor:null lun[tgt]=1
}

start_cstor() {
  local volume
  make_disk cstor $((4 << 30))
  port[cstor]=$(free_port)
  out/cstor daemon --state-dir "$work/state" --socket "$work/socket" --iscsi "127.0.0.1:${port[cstor]}" \
    --null-volume null:1G --cache 64M >"$work/cstor.log" 2>&1 &
  pid[cstor]=$! pids+=($!)
  until [ -S "$work/socket" ]; do sleep 0.05; done
  export CSTOR_SOCKET=$work/socket
  out/cstor pool create bench "${loop[cstor]}" >/dev/null
  out/cstor volume create -b 4K -o cache="${CACHE:-metadata}" bench/disk $region >/dev/null
  out/cstor volume create bench/seq $region >/dev/null
  target[cstor.null]=iqn.2026-11.io.cstor:null lun[cstor]=0
  for volume in disk seq; do
    target[cstor.$volume]=iqn.2026-11.io.cstor:bench.$volume
    out/bench/libiscsi_load "127.0.0.1:${port[cstor]}" "${target[cstor.$volume]}" 0 fill 131072 8 0 $region >/dev/null
  done
}

# raw_load KIND BYTES DEPTH: prints IOPS p50 p99 COUNT, as the load generators do
raw_load() {
  local rw=$1 how="--ioengine=io_uring --iodepth=$3"
  [ "$1" != durable ] || { rw=randwrite; how="--ioengine=psync --fdatasync=1 --numjobs=$3 --thread --group_reporting"; }
  # shellcheck disable=SC2086
  fio --name=raw --filename="${loop[raw]}" --direct=1 --rw="$rw" --bs="$2" --size=$region --time_based \
    --runtime="$seconds" --randrepeat=0 --norandommap --refill_buffers $how --output-format=terse \
    | awk -F';' '/^3;/ {
        first = $8 > 0 ? 0 : 41
        for (i = 18 + first; i <= 37 + first; i++) { split($i, p, "%="); if (p[1] == 50) p50 = p[2]; if (p[1] == 99) p99 = p[2] }
        print $(8 + first), p50, p99, int($(8 + first) * $(9 + first) / 1000) }'
}

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
written_bytes() { awk '{ printf "%.0f", $7 * 512 }' "/sys/block/${1#/dev/}/stat"; }

# measure SUBJECT NAME CLIENT BEHIND KIND BYTES DEPTH: one line of results
measure() {
  local subject=$1 name=$2 client=$3 behind=$4 kind=$5 bytes=$6 depth=$7 line before=0 written cpu=0 device
  local iops p50 p99 count
  device=${loop[$subject]}
  written=$(written_bytes "$device")
  if [ "$subject" = raw ]; then
    line=$(raw_load "$kind" "$bytes" "$depth")
  else
    before=$(ticks "${pid[$subject]}")
    line=$("out/bench/${client}_load" "127.0.0.1:${port[$subject]}" "${target[$subject.$behind]}" "${lun[$subject]}" \
      "$kind" "$bytes" "$depth" "$seconds" $region)
    cpu=$(($(ticks "${pid[$subject]}") - before))
  fi
  read -r iops p50 p99 count <<<"$line"
  # What was written after the load ended belongs to it too: give the server a moment to send it.
  [ "$kind" = randread ] || [ "$kind" = read ] || [ "$behind" = null ] || sleep 0.5
  written=$(($(written_bytes "$device") - written))
  awk -v OFS='\t' -v name="$name" -v subject="$subject" -v iops="$iops" -v p50="$p50" -v p99="$p99" -v count="$count" \
    -v cpu="$cpu" -v hertz="$(getconf CLK_TCK)" -v written="$written" -v bytes="$bytes" 'BEGIN {
      count = count > 0 ? count : 1
      print name, subject, iops, p50, p99, cpu / hertz * 1e6 / count, written / (count * bytes) }' >>"$results"
}

echo "Compiling the load generators"
mkdir -p out/bench
gcc -O2 -Wall -Wextra -Werror -o out/bench/libiscsi_load tests/Bench/libiscsi_load.c -liscsi
gcc -O2 -Wall -Wextra -Werror -o out/bench/batch_load tests/Bench/batch_load.c
: >"$results"
for subject in $subjects; do
  echo "Setting up $subject"
  "start_$subject"
done

order=($subjects)
for round in $(seq $rounds); do
  while IFS='|' read -r name client behind kind bytes depth; do
    [ ! -t 2 ] || printf '\rround %d of %d: %-32s' "$round" "$rounds" "$name" >&2
    for subject in "${order[@]}"; do
      if [ "$subject" != raw ] || { [ "$client" = libiscsi ] && [ "$behind" != null ]; }; then
        measure "$subject" "$name" "$client" "$behind" "$kind" "$bytes" "$depth"
      fi
    done
  done < <(loads | grep -E "${LOADS:-.}")
  order=("${order[@]:1}" "${order[0]}")
done
[ ! -t 2 ] || printf '\r%-60s\r' '' >&2

echo
echo "$mode: medians of $rounds rounds of $seconds s, $(nproc) processors, $(uname -r), $(date -u +%F)"
awk -f tests/Bench/table.awk "$results" | tee out/bench/table.txt
echo "Every measurement: $results. The aio store of tgt answers a flush without flushing: compare durable rows with raw."
