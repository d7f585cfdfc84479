#!/usr/bin/env bash
# Boots the virtual machine and runs one scenario in it against a target on this host's loopback.
#   vm-run.sh PORT TARGET-NAME SCENARIO [LUN]
# SCENARIO is a file in tests/EndToEnd/scripts/vm. Lines that matter begin with "vm:"; exit status 0 if the scenario passed.
# environment: VM_TIMEOUT=300 seconds, VM_MEMORY=768 MiB, VM_CONSOLE=FILE the whole console, VM_DIGEST=CRC32C asks for digests,
#   VM_PORT2=PORT of a second way to the target, VM_PORTALS=ADDR:PORT,... of several nodes
# Needs no privileges: the processor is emulated, and QEMU's user network maps 10.0.2.2 to this host.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 3 ] || { echo "usage: $0 PORT TARGET-NAME SCENARIO [LUN]" >&2; exit 2; }
port=$1 target=$2 scenario=$3 lun=${4:-0}
[ -f "$scenario" ] || scenario=$here/vm/$scenario.scenario
[ -f "$scenario" ] || { echo "no such scenario: $3" >&2; exit 2; }

image=$("$here/vm-image.sh")
read -r kernel archive <<<"$image"
cd "$here/../../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/overlay"
cp "$scenario" "$work/overlay/scenario"
(cd "$work/overlay" && find . | cpio -o -H newc --quiet) | cat "$archive" - >"$work/initrd"

console=${VM_CONSOLE:-$work/console}
timeout --kill-after=5 "${VM_TIMEOUT:-300}" qemu-system-x86_64 \
  -accel tcg,thread=multi -cpu max -smp 2 -m "${VM_MEMORY:-768}" -nodefaults -no-reboot -display none -serial stdio \
  -kernel "$kernel" -initrd "$work/initrd" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off vm.port=$port vm.target=$target vm.lun=$lun vm.digest=${VM_DIGEST:-} vm.port2=${VM_PORT2:-} vm.portals=${VM_PORTALS:-}" \
  -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= </dev/null 2>&1 \
  | sed -u 's/\r//g' | tee "$console" | { grep --line-buffered -a '^vm:' || true; }
if grep -aq '^vm: passed' "$console"; then exit 0; fi
echo "vm: did not pass; the end of its console:"
tail -n 30 "$console"
exit 1
