# Scenario: discovery, then ext4 and XFS: make, fill with verified I/O, trim, log out, log in, check, compare.
set -u
try "discovery" sh -c "iscsiadm -m discovery -t sendtargets -p $portal | tee /tmp/found.log | grep -q ' $target\$'"
iscsiadm -m node -o delete >/dev/null 2>&1
log_in
say "disk: $(cat /sys/block/${disk#/dev/}/size) sectors of 512, physical $(cat /sys/block/${disk#/dev/}/queue/physical_block_size)," \
  "discard $(cat /sys/block/${disk#/dev/}/queue/discard_max_bytes), write cache: $(cat /sys/block/${disk#/dev/}/queue/write_cache)"
for fs in ext4 xfs; do
  make_fs $fs
  try "mounted $fs" mount -t $fs "$disk" /mnt
  try "fio on $fs, verified" fio --name=load --directory=/mnt --size=16M --io_size=32M --rw=randrw --bsrange=4k-128k \
    --ioengine=libaio --iodepth=16 --direct=1 --end_fsync=1 --verify=crc32c --do_verify=1 --verify_fatal=1
  cp /sbin/fio /mnt/copy
  mkdir /mnt/many
  for i in $(seq 200); do echo "file $i" >/mnt/many/$i; done
  (cd /mnt && find . -type f -exec md5sum {} + >/tmp/sums.$fs)
  rm /mnt/copy
  sed -i '/copy$/d' /tmp/sums.$fs
  try "trimmed $fs" fstrim /mnt
  try "unmounted $fs" umount /mnt
  log_out
  log_in
  check_fs $fs
  try "mounted $fs again" mount -t $fs "$disk" /mnt
  try "contents of $fs are equal" sh -c "cd /mnt && md5sum -c -s /tmp/sums.$fs"
  try "unmounted $fs" umount /mnt
done
no_kernel_errors
log_out
passed
