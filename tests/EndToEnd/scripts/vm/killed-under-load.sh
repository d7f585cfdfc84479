# Scenario: the daemon dies under verified I/O and comes back. The host kills it when it reads "vm: now TYPE".
# I/O must be held, not failed; then go on; and everything that was written must be there.
set -u
log_in
for fs in ext4 xfs; do
  make_fs $fs
  try "mounted $fs" mount -t $fs "$disk" /mnt
  mkdir /mnt/before
  for i in $(seq 50); do dd if=/dev/urandom of=/mnt/before/$i bs=16k count=2 2>/dev/null; done
  sync
  (cd /mnt && find before -type f -exec md5sum {} + >/tmp/sums)
  fio --name=load --directory=/mnt --size=32M --io_size=96M --rw=randwrite --bs=4k-64k --ioengine=libaio --iodepth=16 \
    --direct=1 --fsync=64 --verify=crc32c --do_verify=1 --verify_fatal=1 --randseed=7 >/tmp/fio.log 2>&1 &
  load=$!
  sleep 2
  kill -0 $load || fail "the load ended before the daemon was killed"
  echo "vm: now $fs"
  for i in $(seq 20); do dd if=/dev/urandom of=/mnt/during.$i bs=64k count=1 conv=fsync 2>/dev/null || fail "write $i"; done
  wait $load || fail "fio: $(tail -n 3 /tmp/fio.log)"
  say "I/O on $fs went on and verified"
  (cd /mnt && md5sum during.* >>/tmp/sums)
  try "unmounted $fs" umount /mnt
  check_fs $fs
  try "mounted $fs again" mount -t $fs "$disk" /mnt
  try "contents of $fs are equal" sh -c "cd /mnt && md5sum -c -s /tmp/sums"
  try "unmounted $fs" umount /mnt
done
no_kernel_errors
log_out
passed
