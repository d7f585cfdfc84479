#!/usr/bin/env bash
# A pool on two sparse files, a volume, a real iSCSI client, a crash, and everything still there. Needs no root; leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PATH:/usr/sbin:/sbin
cstor=$PWD/out/cstor
work=$(mktemp -d)
export CSTOR_SOCKET=$work/cstor.sock
daemon=

cleanup() {
  local status=$?
  if [ -n "$daemon" ]; then
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
  fi
  if [ "$status" != 0 ]; then
    echo "The demo failed. The end of the daemon's log:" >&2
    tail -n 30 "$work/daemon.log" >&2 || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT

say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "${*//$cstor/cstor}" | sed "s,$work/,,g"; "$@"; }

rate() { awk '/^\$/ { print } /completed in/ { printf "30000 requests in %s s: %d a second\n", $4, 30000 / $4 }'; }

start_daemon() {
  "$cstor" daemon --state-dir "$work/state" --socket "$CSTOR_SOCKET" --iscsi "127.0.0.1:$port" >>"$work/daemon.log" 2>&1 &
  daemon=$!
  for _ in $(seq 100); do
    if "$cstor" pool list >/dev/null 2>&1; then return; fi
    kill -0 "$daemon" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

while :; do
  port=$((20000 + RANDOM % 30000))
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
url=iscsi://127.0.0.1:$port/iqn.2026-11.io.cstor:tank.demo/0

say "The daemon serves iSCSI on 127.0.0.1:$port"
start_daemon
truncate -s 2G "$work/disk0" "$work/disk1"

say "A pool that mirrors two disks, here sparse files of 2 GiB, and a volume on it"
run "$cstor" pool create tank mirror "$work/disk0" "$work/disk1"
run "$cstor" volume create -b 4K -o compression=lz4 tank/demo 1G
run "$cstor" pool status tank
run "$cstor" target list

say "A client finds it and asks what it is"
run iscsi-ls --show-luns "iscsi://127.0.0.1:$port"
run iscsi-inq "$url" | grep -E '^\$|Peripheral|Vendor|Product|Version' || true

say "QEMU's iSCSI client writes a pattern and flushes it, then measures 4K writes and reads, 32 at a time"
run qemu-io -f raw -c "write -P 0x5a 0 64M" -c flush "$url"
run qemu-img bench -f raw -t none -w -c 30000 -d 32 -s 4096 -o 128M "$url" | rate
run qemu-img bench -f raw -t none -c 30000 -d 32 -s 4096 "$url" | rate

say "The daemon is killed with -9 and started again; it imports the pool by itself"
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || true
start_daemon
run qemu-io -f raw -c "read -P 0x5a 0 64M" "$url"
run "$cstor" pool status tank
run "$cstor" volume list

if command -v qemu-system-x86_64 iscsid mkfs.ext4 busybox >/dev/null && compgen -G '/boot/vmlinuz-*-cloud-amd64' >/dev/null; then
  say "A Linux kernel in a virtual machine logs in, makes ext4 on it and mounts it"
  tests/EndToEnd/scripts/vm-run.sh "$port" iqn.2026-11.io.cstor:tank.demo mount
fi

say "Done; the daemon, the files and the pool of this demo are removed"
cat <<'NEXT'
Next:
  README.md           from here to a mounted file system on a machine of yours
  docs/first-pool.md  the same with disks, mirrors, properties and CHAP
  make test           every test, among them crashes at every write
  make bench          the raw device, tgt and cstor side by side
NEXT
