#!/usr/bin/env bash
# Installs the Debian packages that a purpose needs and the machine lacks. Silent, and needs no network, when all are there.
#   install-prerequisites.sh build|test|demo|bench
set -euo pipefail

# The NativeAOT linker driver, and the static libraries that are linked into the executable.
build="clang zlib1g-dev libzstd-dev liblz4-dev"
# Initiators that run in user space, the load generator, and what the virtual machine with the kernel initiator is made of.
clients="libiscsi-bin qemu-utils qemu-block-extra"
machine="qemu-system-x86 busybox-static open-iscsi e2fsprogs xfsprogs fio kmod cpio mount multipath-tools dmsetup udev sg3-utils"
# What runs the container image.
containers="podman runc"
# The compiler that says what the kernel's structures are.
headers="gcc libc6-dev linux-libc-dev"
# Whoever makes file systems and partition tables that a device is refused for.
signatures="btrfs-progs cryptsetup-bin dosfstools exfatprogs f2fs-tools fdisk ntfs-3g"
kernel_package=linux-image-cloud-amd64

case "${1:-}" in
  build) wanted=$build ;;
  demo) wanted="$build $clients" ;;
  test) wanted="$build $clients $machine $containers $headers $signatures" ;;
  bench) wanted="$build fio tgt libiscsi-dev libisal-dev gcc libc6-dev" ;;
  *) echo "usage: $0 build|test|demo|bench" >&2; exit 2 ;;
esac

root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

refresh_lists() {
  [ -z "${lists_are_fresh:-}" ] || return 0
  root apt-get update -qq || echo "apt-get update failed; trying with the package lists at hand" >&2
  lists_are_fresh=yes
}

missing=
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
  [ "$state" = installed ] || missing="$missing $package"
done

if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "This machine has no apt-get. Install what these Debian packages hold, then run again:$missing" >&2
    exit 1
  fi
  echo "Installing for 'make $1':$missing"
  refresh_lists
  # Services of packages (tgt, open-iscsi) are not wanted on the host, only the programs.
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  # shellcheck disable=SC2086
  root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# The tests boot a kernel in a virtual machine. It is unpacked below out/, never installed on this machine.
if [ "$1" = test ] && ! compgen -G '/boot/vmlinuz-*-cloud-amd64' >/dev/null; then
  top=$(cd "$(dirname "$0")/.." && pwd)
  if ! compgen -G "$top/out/vm-kernel/boot/vmlinuz-*-cloud-amd64" >/dev/null; then
    refresh_lists
    image=$(apt-cache depends "$kernel_package" | sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' | head -1)
    [ -n "$image" ] || { echo "apt knows no $kernel_package" >&2; exit 1; }
    echo "Unpacking a kernel for the virtual machine of 'make test': $image"
    download=$(mktemp -d)
    trap 'rm -rf "$download"' EXIT
    chmod 755 "$download"
    (cd "$download" && apt-get -o APT::Sandbox::User=root download -qq "$image")
    mkdir -p "$top/out/vm-kernel"
    dpkg -x "$download"/*.deb "$top/out/vm-kernel"
  fi
fi
