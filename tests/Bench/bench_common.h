/* What both load generators share: options, latencies, the report. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    const char *portal;    /* ADDR:PORT */
    const char *target;    /* iSCSI name */
    int lun;
    char kind;             /* 'r' read, 'w' write, 'd' write and flush, 'f' fill once */
    int is_random;
    int block_bytes;
    int depth;
    double seconds;
    uint64_t region_bytes; /* the load stays below this offset */
};

enum { LATENCY_BUCKETS = 200000 }; /* one microsecond each; the last takes what is longer */

struct latencies {
    uint64_t count;
    uint32_t bucket[LATENCY_BUCKETS];
};

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void record_latency(struct latencies *l, uint64_t ns)
{
    uint64_t us = ns / 1000;
    l->count++;
    l->bucket[us < LATENCY_BUCKETS ? us : LATENCY_BUCKETS - 1]++;
}

static inline unsigned percentile_us(const struct latencies *l, double share)
{
    uint64_t wanted = (uint64_t)((double)l->count * share), seen = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += l->bucket[i];
        if (seen > wanted) return i;
    }
    return LATENCY_BUCKETS - 1;
}

/* xorshift64*: chance enough for offsets, and data that does not compress */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 2685821657736338717u;
}

static inline void fill_random(unsigned char *data, size_t length, uint64_t *state)
{
    for (size_t i = 0; i + 8 <= length; i += 8) {
        uint64_t x = next_random(state);
        memcpy(data + i, &x, 8);
    }
}

static inline uint64_t next_offset(const struct options *o, uint64_t *cursor, uint64_t *state)
{
    uint64_t blocks = o->region_bytes / (uint64_t)o->block_bytes;
    uint64_t block = o->is_random ? next_random(state) % blocks : (*cursor)++ % blocks;
    return block * (uint64_t)o->block_bytes;
}

static inline void report(const struct latencies *l, double seconds)
{
    printf("%.0f %u %u %llu\n", (double)l->count / seconds, percentile_us(l, 0.50), percentile_us(l, 0.99),
           (unsigned long long)l->count);
}

/* KIND is randread, randwrite, read, write, durable or fill. The report is IOPS, p50 us, p99 us, COUNT. */
static inline struct options parse_options(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: %s PORTAL TARGET LUN KIND BLOCK-BYTES DEPTH SECONDS REGION-BYTES\n", argv[0]);
        exit(2);
    }
    struct options o = {
        .portal = argv[1], .target = argv[2], .lun = atoi(argv[3]), .block_bytes = atoi(argv[5]),
        .depth = atoi(argv[6]), .seconds = atof(argv[7]), .region_bytes = strtoull(argv[8], 0, 10),
    };
    const char *kind = argv[4];
    int is_named_random = strncmp(kind, "rand", 4) == 0;
    o.is_random = is_named_random || strcmp(kind, "durable") == 0;
    o.kind = kind[is_named_random ? 4 : 0];
    if (!strchr("rwdf", o.kind) || o.block_bytes < 512 || o.depth < 1 || o.region_bytes < (uint64_t)o.block_bytes) {
        fprintf(stderr, "%s: these options make no sense\n", argv[0]);
        exit(2);
    }
    return o;
}

#endif
