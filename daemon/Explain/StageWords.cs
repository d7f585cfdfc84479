namespace Cstor.Daemon.Explain;

/// <summary>What it means that time goes into a stage, and what can be done.</summary>
internal static class StageWords
{
    /// <summary>Goes on after "40 % of the time is".</summary>
    public static string Meaning(string stage) => stage switch
    {
        StageShare.Network => "waiting for the initiator to send the data of its writes",
        StageShare.Order => "waiting in line behind commands that must not be overtaken",
        StageShare.Limit => "the volume's own limits: it is asked for more than it may have",
        StageShare.Turn => "waiting for its turn: other volumes want the pool too",
        StageShare.Overlap => "waiting for other writes of the same blocks",
        StageShare.Held =>
            "waiting until the pool takes changes again: more comes than devices can keep up with",
        StageShare.Lookup => "reading tree nodes that say where blocks are: they do not fit the cache",
        StageShare.DeviceRead => "reading blocks from devices",
        StageShare.Verify => "checksums and decompression of what was read",
        StageShare.Prepare => "compressing and checksumming what is written, and finding room for it",
        StageShare.DeviceWrite => "writing blocks to devices",
        StageShare.Commit => "making changes durable: the commit log and the flush of the devices",
        StageShare.Replicas => "waiting for replicas on other nodes, when this node's own was done",
        StageShare.Relay => "handing commands on to the node that leads, and waiting for its answers",
        _ => "the target itself: parsing, copying and the turns of its loop",
    };

    public static string Remedy(string stage) => stage switch
    {
        StageShare.Network =>
            "look at the network between initiator and portal: lost packets, a slow link, MTU",
        StageShare.Order =>
            "the initiator sends ordered or atomic commands; that is wrong only if one of them is slow",
        StageShare.Limit =>
            "raise or remove the limits: cstor volume set POOL/VOL iops-limit= bandwidth-limit=",
        StageShare.Turn =>
            "see who else is busy: cstor volume iostat; more of the pool for this one: cstor volume set "
                + "POOL/VOL share=200",
        StageShare.Overlap =>
            "the application rewrites the same blocks at once; smaller volume blocks (-b) make it rarer",
        StageShare.Held =>
            "see which device is slowest: cstor pool iostat -v -l; more vdevs or faster ones help",
        StageShare.Lookup => "give the daemon more memory: --cache SIZE",
        StageShare.DeviceRead =>
            "see which device is slowest: cstor pool iostat -v -l; more cache (--cache) or more vdevs help",
        StageShare.Verify => "lz4 decompresses faster than zstd, and xxh128 is faster than blake3",
        StageShare.Prepare => "lz4 compresses faster than zstd, and xxh128 is faster than blake3",
        StageShare.DeviceWrite =>
            "see which device is slowest: cstor pool iostat -v -l; more vdevs or faster ones help",
        StageShare.Commit =>
            "a log device with fast flushes helps: cstor pool add POOL log DEV; so does an application that "
                + "flushes less often",
        StageShare.Replicas =>
            "look at that node's devices (there: cstor pool iostat -v -l) and at the network between them",
        StageShare.Relay =>
            "have initiators use the path to the node that leads (ALUA, docs/replicas.md), or have this one "
                + "lead: cstor volume lead POOL/VOL NODE",
        _ => "the volume is as fast as the target: more volumes or deeper queues use what is left",
    };
}
