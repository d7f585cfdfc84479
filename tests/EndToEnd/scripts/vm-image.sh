#!/usr/bin/env bash
# Builds the root of the virtual machine that plays the Linux initiator: busybox, kernel modules, open-iscsi, mkfs and fio
# with their libraries, as a cpio archive in out/vm. Prints "KERNEL ARCHIVE"; builds only if something it is made of changed.
set -euo pipefail
cd "$(dirname "$0")/../../.."
trap 'echo "$0: failed at line $LINENO" >&2' ERR
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C

modules="virtio_pci virtio_net crc32c_generic crc32c-intel iscsi_tcp sd_mod scsi_dh_alua dm-multipath dm-service-time ext4 xfs"
programs="iscsid iscsiadm mkfs.ext4 e2fsck mkfs.xfs xfs_repair fio fstrim"
# For scenarios with several paths, where udev tells multipathd which disks are one, and with reservations.
optional="multipathd multipath dmsetup udevadm /lib/udev/scsi_id /lib/systemd/systemd-udevd sg_persist"

# The newest kernel that the machine or out/vm-kernel has.
kernel= base=
for candidate in out/vm-kernel ""; do
  found=$(ls -d "$candidate"/boot/vmlinuz-*-cloud-amd64 2>/dev/null | sort -V | tail -1) || true
  [ -z "$found" ] || { kernel=$found base=$candidate; }
done
[ -n "$kernel" ] || { echo "no cloud-amd64 kernel: run deploy/install-prerequisites.sh test" >&2; exit 1; }
version=${kernel##*/vmlinuz-}
tree=$base/lib/modules/$version
[ -s "$tree/modules.dep" ] || depmod -b "$base" "$version"

paths=$(for program in busybox $programs; do
  command -v "$program" || { echo "missing: $program" >&2; exit 1; }
done; for program in $optional; do command -v "$program" || true; done)
# shellcheck disable=SC2086
key=$(cat "$0" tests/EndToEnd/scripts/vm/init | cat - <(stat -L -c '%n %s %Y' "$kernel" $paths) | sha256sum | cut -c1-16)
archive=out/vm/root-$key.cpio
mkdir -p out/vm
if [ -s "$archive" ]; then
  echo "$kernel $archive"
  exit 0
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,mnt,root,run/lock/iscsi,var/lib/iscsi,etc/iscsi,modules,lib64}

# Modules in the order of loading. A line of modules.dep names all that a module needs, what must come first at the end.
module_files() {
  local module line
  for module in $modules; do
    line=$(grep -E "/${module//[-_]/[-_]}\.ko[^:]*:" "$tree/modules.dep") || continue
    awk '{ sub(/:/, ""); for (i = NF; i >= 1; i--) print $i }' <<<"$line"
  done | awk '!seen[$0]++'
}
while read -r file; do
  name=$(basename "$file")
  case $file in
    *.xz) name=${name%.xz}; xz -dc "$tree/$file" >"$root/modules/$name" ;;
    *.zst) name=${name%.zst}; zstd -dqc "$tree/$file" >"$root/modules/$name" ;;
    *) cp "$tree/$file" "$root/modules/$name" ;;
  esac
  echo "$name" >>"$root/modules/order"
done < <(module_files)

# Programs, and whatever the dynamic linker would load for them.
copy_with_libraries() {
  local library
  cp -L "$1" "$root/$2"
  { ldd "$1" 2>/dev/null || true; } | sed -nE 's,^.*[ \t](/[^ ]+) \(.*,\1,p' | while read -r library; do
    [ -e "$root$library" ] || { mkdir -p "$root$(dirname "$library")"; cp -L "$library" "$root$library"; }
  done
}
for path in $paths; do
  case $path in
    */busybox) copy_with_libraries "$path" bin/busybox ;;
    *) copy_with_libraries "$path" "sbin/${path##*/}" ;;
  esac
done
# Path checkers and priorities are opened by name too.
if [ -d /lib/multipath ]; then
  mkdir -p "$root/lib/multipath"
  cp -L /lib/multipath/*.so "$root/lib/multipath/"
fi
# Opened by name when a thread ends, so that ldd does not show it.
gcc_library=$(ls /lib/x86_64-linux-gnu/libgcc_s.so.1 /usr/lib/x86_64-linux-gnu/libgcc_s.so.1 2>/dev/null | head -1)
[ -z "$gcc_library" ] || { mkdir -p "$root/lib/x86_64-linux-gnu"; cp -L "$gcc_library" "$root/lib/x86_64-linux-gnu/"; }

echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
echo "127.0.0.1 localhost" >"$root/etc/hosts"
echo "InitiatorName=iqn.2026-11.io.cstor:vm" >"$root/etc/iscsi/initiatorname.iscsi"
# I/O is held for two minutes while the target is away; everything else is what open-iscsi is shipped with.
cat >"$root/etc/iscsi/iscsid.conf" <<'CONF'
node.startup = manual
node.session.timeo.replacement_timeout = 120
node.conn[0].timeo.login_timeout = 15
node.conn[0].timeo.noop_out_interval = 5
node.conn[0].timeo.noop_out_timeout = 5
node.session.err_timeo.abort_timeout = 15
node.session.err_timeo.lu_reset_timeout = 30
node.session.initial_login_retry_max = 8
node.session.cmds_max = 128
node.session.queue_depth = 32
node.session.iscsi.InitialR2T = No
node.session.iscsi.ImmediateData = Yes
node.session.iscsi.FirstBurstLength = 262144
node.session.iscsi.MaxBurstLength = 16776192
node.conn[0].iscsi.MaxRecvDataSegmentLength = 262144
node.conn[0].iscsi.HeaderDigest = None,CRC32C
node.conn[0].iscsi.DataDigest = None,CRC32C
node.session.scan = auto
CONF
cp tests/EndToEnd/scripts/vm/init "$root/init"
chmod +x "$root/init"

rm -f out/vm/root-*.cpio
(cd "$root" && find . | cpio -o -H newc --quiet) >"$archive.new"
mv "$archive.new" "$archive"
echo "$kernel $archive"
