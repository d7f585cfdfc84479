#!/usr/bin/env bash
# Three replicas on this machine against one: pairs of runs, medians, and their ratio.
#   replicas.sh [quick|full]
# environment: BENCH_DIR=out/bench/replicas  where the files under the loop devices go
#              ENCRYPTION=on  or off: what goes between the nodes
# Needs root for loop devices (asks by sudo). Touches only processes, ports and devices of its own, and removes them.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
if [ "$(id -u)" != 0 ]; then
  echo "The bench makes loop devices, for which it needs root"
  exec sudo --preserve-env=BENCH_DIR,ENCRYPTION "$0" "$@"
fi
mode=${1:-quick}
case $mode in
  quick) rounds=3 seconds=3 ;;
  full) rounds=7 seconds=10 ;;
  *) echo "usage: $0 quick|full" >&2; exit 2 ;;
esac
disks=${BENCH_DIR:-out/bench/replicas}
region=$((1 << 29))
work=$(mktemp -d)
loops=() pids=()

cleanup() {
  local status=$? p device
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait || true
  for device in "${loops[@]}"; do losetup -d "$device" || true; done
  [ "$status" = 0 ] || tail -n 10 "$work"/*.log 2>/dev/null || true
  rm -rf "$work" "$disks"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

free_port() {
  local candidate
  while :; do
    candidate=$((20000 + RANDOM % 30000))
    (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null || { echo "$candidate"; return; }
  done
}

node() { local n=$1; shift; out/cstor --socket "$work/$n.sock" "$@"; }

# connected N: the node has both peers
connected() { [ "$(node "$1" peer list | grep -c ' connected')" = 2 ]; }

# patiently WHAT COMMAND...: until it succeeds, 20 s at most
patiently() {
  local what=$1
  shift
  for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "it is still not so: $what" >&2
  return 1
}

in_sync() { [ "$(node 1 replica list tank/three | grep -cE 'leads|in sync')" = 3 ]; }

mkdir -p "$disks" out/bench
gcc -O2 -Wall -Wextra -Werror -o out/bench/libiscsi_load tests/Bench/libiscsi_load.c -liscsi
head -c 32 /dev/urandom | base64 >"$work/key"
for n in 1 2 3; do
  iscsi[n]=$(free_port) peer[n]=$(free_port)
  dd if=/dev/zero of="$disks/$n.img" bs=4M count=1024 oflag=direct status=none
  device[n]=$(losetup --find --show --direct-io=on --sector-size 4096 "$disks/$n.img")
  loops+=("${device[n]}")
  out/cstor daemon --state-dir "$work/$n" --socket "$work/$n.sock" --iscsi "127.0.0.1:${iscsi[n]}" --node "node$n" \
    --peer "127.0.0.1:${peer[n]}" --peer-key-file "$work/key" \
    --peer-encryption "${ENCRYPTION:-on}" --cache 64M >"$work/$n.log" 2>&1 &
  pids+=($!)
done
for n in 1 2 3; do
  patiently "node $n answers" node $n pool list
  node $n pool create tank "${device[n]}" >/dev/null
  for other in 1 2 3; do
    [ $n = $other ] || node $n peer add "node$other" "127.0.0.1:${peer[other]}" >/dev/null
  done
done
for n in 1 2 3; do patiently "node $n has its peers" connected $n; done
node 1 volume create -b 4K tank/one 512M >/dev/null
node 1 volume create -b 4K -o replicas=node1/tank,node2/tank,node3/tank tank/three 512M >/dev/null
patiently "three replicas are in sync" in_sync
leader=$(node 1 replica list tank/three | awk '$2 == "leads" { sub("node", ""); sub("/.*", ""); print }')

# load VOLUME KIND BYTES DEPTH SECONDS: prints requests a second; through the node that leads
load() {
  local at=1
  [ "$1" = three ] && at=$leader
  out/bench/libiscsi_load "127.0.0.1:${iscsi[at]}" "iqn.2026-11.io.cstor:tank.$1" 0 "$2" "$3" "$4" "$5" $region | awk '{ print $1 }'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for volume in one three; do load $volume fill 131072 8 0 >/dev/null; done
printf '%-24s %12s %12s %7s\n' load "one replica" "three" ratio
while IFS='|' read -r name kind bytes depth; do
  for _ in $(seq $rounds); do
    load one "$kind" "$bytes" "$depth" $seconds >>"$work/one.$kind.$bytes.$depth"
    load three "$kind" "$bytes" "$depth" $seconds >>"$work/three.$kind.$bytes.$depth"
  done
  one=$(median <"$work/one.$kind.$bytes.$depth") three=$(median <"$work/three.$kind.$bytes.$depth")
  printf '%-24s %12s %12s %7s\n' "$name" "$one" "$three" "$(awk "BEGIN { printf \"%.2f\", $three / $one }")"
done <<'LOADS'
4K random write q32|randwrite|4096|32
4K random write q1|randwrite|4096|1
4K random read q32|randread|4096|32
128K write q8|write|131072|8
LOADS
