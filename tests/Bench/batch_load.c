/*
 * Load from a client that does not hold the target back: it answers all that one receive brought with one
 * send. libiscsi stops near 140,000 requests a second; this one shows what a target does beyond. RFC 7143:
 * login in two exchanges, immediate data, the rest of a write on R2T.
 */
#include "bench_common.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 48, RECEIVE = 4 << 20, MAX_DEPTH = 1024 };

static struct options options;
static struct latencies latencies;
static int connection, sector_bytes = 512;
static unsigned char *incoming, *outgoing, *payload;
static size_t incoming_used, outgoing_used, outgoing_room;
static uint32_t command_number = 1, status_number, max_command_number;
static uint32_t immediate_bytes = 8192, segment_bytes = 8192;
static uint64_t chance, cursor, end_ns, started_ns[MAX_DEPTH];
static int busy, waiting[MAX_DEPTH], waiting_count;

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void put32(unsigned char *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, 4);
}

static uint32_t get32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return ntohl(value);
}

static uint32_t data_length(const unsigned char *pdu) { return get32(pdu + 4) & 0xffffff; }

static size_t pdu_length(const unsigned char *pdu) { return HEADER + ((data_length(pdu) + 3u) & ~3u); }

/* A zeroed header and room for its data at the end of the next send. */
static unsigned char *add_pdu(size_t data)
{
    size_t padded = (data + 3) & ~(size_t)3;
    while (outgoing_used + HEADER + padded > outgoing_room) {
        outgoing_room = outgoing_room ? outgoing_room * 2 : 1 << 20;
        outgoing = realloc(outgoing, outgoing_room);
        if (!outgoing) die("out of memory");
    }
    unsigned char *pdu = outgoing + outgoing_used;
    memset(pdu, 0, HEADER);
    put32(pdu + 4, (uint32_t)data);
    outgoing_used += HEADER + padded;
    return pdu;
}

static void send_all(void)
{
    for (size_t sent = 0; sent < outgoing_used;) {
        ssize_t n = send(connection, outgoing + sent, outgoing_used - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) die("send failed");
        if (n > 0) sent += (size_t)n;
    }
    outgoing_used = 0;
}

static void receive_some(void)
{
    ssize_t n = recv(connection, incoming + incoming_used, RECEIVE - incoming_used, 0);
    if (n == 0 || (n < 0 && errno != EINTR)) die("connection lost");
    if (n > 0) incoming_used += (size_t)n;
}

static unsigned char *wait_for_pdu(void)
{
    while (incoming_used < HEADER || incoming_used < pdu_length(incoming)) receive_some();
    return incoming;
}

static void drop(size_t length)
{
    memmove(incoming, incoming + length, incoming_used - length);
    incoming_used -= length;
}

static void take_numbers(const unsigned char *pdu, int has_status)
{
    if (has_status) status_number = get32(pdu + 24) + 1;
    max_command_number = get32(pdu + 32);
}

static void read_key(const unsigned char *pdu, const char *key, uint32_t *value)
{
    const char *text = (const char *)pdu + HEADER;
    size_t length = data_length(pdu), n = strlen(key);
    for (size_t at = 0; at + n < length; at += strnlen(text + at, length - at) + 1)
        if (strncmp(text + at, key, n) == 0) *value = (uint32_t)strtoul(text + at + n, 0, 10);
}

static void login(void)
{
    char names[1024];
    int names_length = snprintf(names, sizeof names,
        "InitiatorName=iqn.2026-11.io.cstor:bench%cSessionType=Normal%cTargetName=%s%cAuthMethod=None%c",
        0, 0, options.target, 0, 0);
    static const char keys[] = "HeaderDigest=None\0DataDigest=None\0InitialR2T=No\0ImmediateData=Yes\0"
        "MaxRecvDataSegmentLength=262144\0MaxBurstLength=262144\0FirstBurstLength=262144\0"
        "MaxConnections=1\0MaxOutstandingR2T=1\0ErrorRecoveryLevel=0\0DefaultTime2Wait=2\0"
        "DefaultTime2Retain=0\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes";
    uint32_t first_burst = 65536;
    for (int stage = 0; stage < 2; stage++) {
        size_t length = stage ? sizeof keys : (size_t)names_length;
        unsigned char *pdu = add_pdu(length);
        pdu[0] = 0x43;
        pdu[1] = stage ? 0x87 : 0x81; /* security to operation, operation to full feature */
        memcpy(pdu + 8, "\x80\x12\x34\x56\x78\x9a", 6);
        put32(pdu + 24, command_number);
        put32(pdu + 28, status_number);
        memcpy(pdu + HEADER, stage ? keys : names, length);
        send_all();
        pdu = wait_for_pdu();
        if ((pdu[0] & 0x3f) != 0x23 || pdu[36] != 0) die("login refused");
        if (!(pdu[1] & 0x80)) die("login takes more exchanges than this client knows");
        take_numbers(pdu, 1);
        read_key(pdu, "FirstBurstLength=", &first_burst);
        read_key(pdu, "MaxRecvDataSegmentLength=", &segment_bytes);
        drop(pdu_length(pdu));
    }
    immediate_bytes = first_burst < segment_bytes ? first_burst : segment_bytes;
}

static unsigned char *add_command(uint32_t tag, int is_read, uint32_t expected, size_t data)
{
    unsigned char *pdu = add_pdu(data);
    pdu[0] = 0x01;
    pdu[1] = is_read ? 0xc1 : 0xa1;
    pdu[9] = (unsigned char)options.lun;
    put32(pdu + 16, tag);
    put32(pdu + 20, expected);
    put32(pdu + 24, command_number++);
    put32(pdu + 28, status_number);
    return pdu;
}

static int window_is_open(void) { return (int32_t)(max_command_number - command_number) >= 0; }

static void start(int slot)
{
    uint64_t now = now_ns();
    if (now >= end_ns) return;
    if (!window_is_open()) {
        waiting[waiting_count++] = slot;
        return;
    }
    int is_read = options.kind == 'r';
    uint32_t length = (uint32_t)options.block_bytes;
    uint32_t immediate = is_read ? 0 : length < immediate_bytes ? length : immediate_bytes;
    uint64_t sector = next_offset(&options, &cursor, &chance) / (uint64_t)sector_bytes;
    unsigned char *pdu = add_command((uint32_t)slot, is_read, length, immediate);
    pdu[32] = is_read ? 0x88 : 0x8a;
    put32(pdu + 34, (uint32_t)(sector >> 32));
    put32(pdu + 38, (uint32_t)sector);
    put32(pdu + 42, length / (uint32_t)sector_bytes);
    memcpy(pdu + HEADER, payload, immediate);
    if (immediate >= 8) memcpy(pdu + HEADER, &now, 8); /* so that no two blocks are equal */
    started_ns[slot] = now;
    busy++;
}

static void answer_r2t(const unsigned char *r2t)
{
    uint32_t tag = get32(r2t + 16), transfer = get32(r2t + 20);
    uint32_t offset = get32(r2t + 40), wanted = get32(r2t + 44);
    if ((uint64_t)offset + wanted > (uint64_t)options.block_bytes) die("an R2T beyond the write");
    for (uint32_t sent = 0, number = 0; sent < wanted; number++) {
        uint32_t part = wanted - sent < segment_bytes ? wanted - sent : segment_bytes;
        unsigned char *pdu = add_pdu(part);
        pdu[0] = 0x05;
        pdu[1] = sent + part == wanted ? 0x80 : 0;
        pdu[9] = (unsigned char)options.lun;
        put32(pdu + 16, tag);
        put32(pdu + 20, transfer);
        put32(pdu + 28, status_number);
        put32(pdu + 36, number);
        put32(pdu + 40, offset + sent);
        memcpy(pdu + HEADER, payload + offset + sent, part);
        sent += part;
    }
}

static void answer_nop(const unsigned char *ping)
{
    unsigned char *nop = add_pdu(0);
    nop[0] = 0x40;
    nop[1] = 0x80;
    memcpy(nop + 8, ping + 8, 8);
    put32(nop + 16, 0xffffffff);
    memcpy(nop + 20, ping + 20, 4);
    put32(nop + 24, command_number);
    put32(nop + 28, status_number);
}

static void completed(uint32_t slot, int status)
{
    if (status != 0) die("I/O failed");
    if (slot >= (uint32_t)options.depth) die("an answer to nothing asked");
    record_latency(&latencies, now_ns() - started_ns[slot]);
    busy--;
    start((int)slot);
}

static void handle(const unsigned char *pdu)
{
    int opcode = pdu[0] & 0x3f, has_status = opcode == 0x21 || (opcode == 0x25 && (pdu[1] & 1));
    take_numbers(pdu, has_status);
    if (has_status) completed(get32(pdu + 16), pdu[3]);
    else if (opcode == 0x31) answer_r2t(pdu);
    else if (opcode == 0x20 && get32(pdu + 20) != 0xffffffff) answer_nop(pdu);
    else if (opcode != 0x20 && opcode != 0x25) die("an unexpected PDU");
}

/* READ CAPACITY(16), repeated while unit attentions of the new session are reported. */
static void read_capacity(void)
{
    for (int attempt = 0; attempt < 8; attempt++) {
        unsigned char *pdu = add_command(0, 1, 32, 0);
        pdu[32] = 0x9e;
        pdu[33] = 0x10;
        pdu[45] = 32;
        send_all();
        for (int is_done = 0; !is_done;) {
            pdu = wait_for_pdu();
            int opcode = pdu[0] & 0x3f, is_data = opcode == 0x25 && data_length(pdu) >= 12;
            if (is_data) sector_bytes = (int)get32(pdu + HEADER + 8);
            is_done = opcode == 0x21 || (opcode == 0x25 && (pdu[1] & 1));
            take_numbers(pdu, is_done);
            int is_good = is_done && pdu[3] == 0;
            drop(pdu_length(pdu));
            if (is_good) return;
        }
    }
    die("read capacity failed");
}

static void connect_portal(void)
{
    char host[64];
    const char *colon = strrchr(options.portal, ':');
    if (!colon || colon - options.portal >= (long)sizeof host) die("the portal is not ADDR:PORT");
    snprintf(host, sizeof host, "%.*s", (int)(colon - options.portal), options.portal);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1)) };
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("the portal is not an IPv4 address");
    connection = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(connection, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    if (connect(connection, (struct sockaddr *)&address, sizeof address)) die("connect failed");
}

static void turn(void)
{
    size_t at = 0;
    receive_some();
    while (incoming_used - at >= HEADER && incoming_used - at >= pdu_length(incoming + at)) {
        size_t length = pdu_length(incoming + at);
        handle(incoming + at);
        at += length;
    }
    drop(at);
    while (waiting_count > 0 && (window_is_open() || now_ns() >= end_ns)) start(waiting[--waiting_count]);
    send_all();
}

int main(int argc, char **argv)
{
    options = parse_options(argc, argv);
    if (!strchr("rw", options.kind)) die("this client reads or writes");
    if (options.depth > MAX_DEPTH) die("the depth is at most 1024");
    incoming = malloc(RECEIVE);
    payload = malloc((size_t)options.block_bytes);
    chance = now_ns() | 1;
    fill_random(payload, (size_t)options.block_bytes, &chance);
    connect_portal();
    login();
    read_capacity();

    uint64_t started = now_ns();
    end_ns = started + (uint64_t)(options.seconds * 1e9);
    for (int i = 0; i < options.depth; i++) start(i);
    send_all();
    while (busy > 0) turn();
    report(&latencies, (double)(now_ns() - started) / 1e9);
    return 0;
}
