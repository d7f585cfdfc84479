/* Load through libiscsi, as QEMU and others use it: one PDU to a send, one callback to a completion. */
#include "bench_common.h"
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>

struct run;

struct slot {
    struct run *run;
    unsigned char *data;
    uint64_t started_ns;
    struct scsi_iovec vector;
};

struct run {
    struct options options;
    struct iscsi_context *iscsi;
    struct latencies latencies;
    uint64_t random, cursor, end_ns, filled;
    int busy, sector_bytes;
};

static void start(struct slot *slot);

static void die(struct run *run, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, iscsi_get_error(run->iscsi));
    exit(1);
}

static void finish(struct slot *slot, struct scsi_task *task)
{
    scsi_free_scsi_task(task);
    record_latency(&slot->run->latencies, now_ns() - slot->started_ns);
    slot->run->busy--;
    start(slot);
}

static void on_flushed(struct iscsi_context *iscsi, int status, void *task, void *private_data)
{
    struct slot *slot = private_data;
    (void)iscsi;
    if (status != SCSI_STATUS_GOOD) die(slot->run, "flush failed");
    finish(slot, task);
}

static void on_done(struct iscsi_context *iscsi, int status, void *task, void *private_data)
{
    struct slot *slot = private_data;
    struct run *run = slot->run;
    if (status != SCSI_STATUS_GOOD) die(run, "I/O failed");
    if (run->options.kind != 'd') {
        finish(slot, task);
        return;
    }
    scsi_free_scsi_task(task);
    task = iscsi_synchronizecache10_task(iscsi, run->options.lun, 0, 0, 0, 0, on_flushed, slot);
    if (!task) die(run, "flush");
}

static void start(struct slot *slot)
{
    struct run *run = slot->run;
    struct options *o = &run->options;
    slot->started_ns = now_ns();
    if (o->kind == 'f' ? run->filled >= o->region_bytes : slot->started_ns >= run->end_ns) return;
    uint64_t lba = next_offset(o, &run->cursor, &run->random) / (uint64_t)run->sector_bytes;
    uint32_t length = (uint32_t)o->block_bytes;
    struct scsi_task *task;
    run->filled += length;
    if (o->kind == 'r') {
        task = iscsi_read16_task(run->iscsi, o->lun, lba, length, run->sector_bytes, 0, 0, 0, 0, 0,
                                 on_done, slot);
        if (task) scsi_task_set_iov_in(task, &slot->vector, 1);
    } else {
        fill_random(slot->data, 64, &run->random); /* so that no two blocks are equal */
        task = iscsi_write16_task(run->iscsi, o->lun, lba, slot->data, length, run->sector_bytes,
                                  0, 0, 0, 0, 0, on_done, slot);
    }
    if (!task) die(run, "queueing failed");
    run->busy++;
}

static void connect_target(struct run *run)
{
    struct options *o = &run->options;
    run->iscsi = iscsi_create_context("iqn.2026-11.io.cstor:bench");
    iscsi_set_targetname(run->iscsi, o->target);
    iscsi_set_session_type(run->iscsi, ISCSI_SESSION_NORMAL);
    iscsi_set_header_digest(run->iscsi, ISCSI_HEADER_DIGEST_NONE);
    iscsi_set_noautoreconnect(run->iscsi, 1);
    if (iscsi_full_connect_sync(run->iscsi, o->portal, o->lun)) die(run, "connect");
    struct scsi_task *capacity = iscsi_readcapacity16_sync(run->iscsi, o->lun);
    if (!capacity || capacity->status != SCSI_STATUS_GOOD) die(run, "read capacity");
    struct scsi_readcapacity16 *size = scsi_datain_unmarshall(capacity);
    run->sector_bytes = (int)size->block_length;
    scsi_free_scsi_task(capacity);
}

int main(int argc, char **argv)
{
    static struct run run;
    run.options = parse_options(argc, argv);
    run.random = now_ns() | 1;
    connect_target(&run);

    struct slot *slots = calloc((size_t)run.options.depth, sizeof *slots);
    uint64_t started = now_ns();
    run.end_ns = started + (uint64_t)(run.options.seconds * 1e9);
    for (int i = 0; i < run.options.depth; i++) {
        slots[i].run = &run;
        slots[i].data = aligned_alloc(4096, (size_t)run.options.block_bytes);
        slots[i].vector.iov_base = slots[i].data;
        slots[i].vector.iov_len = (size_t)run.options.block_bytes;
        fill_random(slots[i].data, (size_t)run.options.block_bytes, &run.random);
        start(&slots[i]);
    }
    while (run.busy > 0) {
        struct pollfd fd = { .fd = iscsi_get_fd(run.iscsi), .events = (short)iscsi_which_events(run.iscsi) };
        if (poll(&fd, 1, 30000) <= 0) die(&run, "no answer for 30 s");
        if (iscsi_service(run.iscsi, fd.revents) < 0) die(&run, "connection lost");
    }
    report(&run.latencies, (double)(now_ns() - started) / 1e9);
    iscsi_logout_sync(run.iscsi);
    iscsi_destroy_context(run.iscsi);
    return 0;
}
