using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Daemon.Jobs;
using Cstor.Daemon.Replicas;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Streams;
using Cstor.PoolLayout.Units;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// Streams as the administrator sees them, in step with the targets: a volume that is being received is not
/// served. Called from any thread.
/// </summary>
internal sealed partial class StreamService(
    LinuxLoop loop, PoolRegistry registry, VolumeTargets targets, PoolStarter starter, Transfers transfers,
    ILogger logger) : IStreamAdministration
{
    public async Task<Outcome<ActionReport>> SendAsync(
        SendStreamRequest request, StreamFrames frames, CancellationToken gone)
    {
        string subject = $"{request.Pool}/{request.Volume}@{request.Snapshot}";
        Outcome<StreamReport> sent = await transfers.RunAsync(JobTexts.Send, subject, async transfer =>
        {
            using CancellationTokenSource end =
                CancellationTokenSource.CreateLinkedTokenSource(gone, transfer.Canceled);
            FrameSink sink = new(loop, frames, end.Token);
            SendRequest send = RequestOf(request) with { Progress = transfer.Progress };
            return await loop.CallAsync(() => registry.Find(request.Pool) is { } pool
                ? pool.Streams.SendAsync(send, sink)
                : ValueTask.FromResult<Outcome<StreamReport>>(PoolTexts.NoSuchPool(request.Pool)));
        });
        if (!sent.IsOk) return sent.Fault;
        Transferred("sent", sent.Value.Snapshot, sent.Value.Bytes);
        return PoolTexts.Done($"sent {Text(sent.Value)}");
    }

    public async Task<Outcome<ActionReport>> EstimateAsync(SendStreamRequest request)
    {
        Outcome<StreamReport> size = await loop.CallAsync(() => registry.Find(request.Pool) is { } pool
            ? pool.Streams.EstimateAsync(RequestOf(request))
            : ValueTask.FromResult<Outcome<StreamReport>>(PoolTexts.NoSuchPool(request.Pool)));
        return size.IsOk ? PoolTexts.Would($"would send {Text(size.Value)}") : size.Fault;
    }

    public async Task<Outcome<ActionReport>> ReceiveAsync(
        string pool, string volume, bool force, StreamFrames frames)
    {
        if (Names.CheckVolume(volume) is { } wrong)
        {
            return new Fault("bad-request", wrong, "Choose another name");
        }
        Outcome<StreamReport> received = await transfers.RunAsync(
            JobTexts.Receive, $"{pool}/{volume}", transfer => loop.CallAsync(() => ReceiveAsync(
                pool,
                new ReceiveRequest(volume, force) { Progress = transfer.Progress },
                new FrameSource(loop, frames, transfer.Canceled))));
        await ServeAsync(pool, volume);
        if (!received.IsOk) return received.Fault;
        Transferred("received", received.Value.Snapshot, received.Value.Bytes);
        return PoolTexts.Done($"received {Text(received.Value)}");
    }

    public async Task<Outcome<ActionReport>> AbortReceiveAsync(string pool, string volume)
    {
        Outcome<Unit> aborted = await loop.CallAsync(() => registry.Find(pool) is { } open
            ? open.Streams.AbortAsync(volume)
            : ValueTask.FromResult<Outcome<Unit>>(PoolTexts.NoSuchPool(pool)));
        if (!aborted.IsOk) return aborted.Fault;
        bool isLeft = await ServeAsync(pool, volume);
        return PoolTexts.Done(isLeft
            ? $"{pool}/{volume} is again what it was before the stream"
            : $"{pool}/{volume} was new and is destroyed");
    }

    /// <summary>On the loop.</summary>
    private async ValueTask<Outcome<StreamReport>> ReceiveAsync(
        string pool, ReceiveRequest request, FrameSource source)
    {
        if (registry.Find(pool) is not { } open) return PoolTexts.NoSuchPool(pool);
        if (open.FindVolume(request.Volume) is { } known)
        {
            if (targets.FindUse(open, known) is { } busy) return busy with { Remedy = "Log out there first" };
            if (ReplicaGroups.IsReplica(open, known))
            {
                return new Fault(
                    "volume-replicated",
                    $"{known.Name} has replicas on other nodes: no stream can go into it",
                    "Receive into a volume of its own, and give that replicas");
            }
        }
        await targets.RemoveAsync(open, request.Volume);
        return await open.Streams.ReceiveAsync(request, source);
    }

    /// <summary>Serves the volume if it is there; one that is half received is shown as that.</summary>
    private async Task<bool> ServeAsync(string pool, string volume)
    {
        VolumeStatus? status = await loop.ReadAsync(() => registry.Find(pool)?.FindVolume(volume)?.Status());
        if (status is null) return false;
        await starter.ServeAsync(pool, status);
        return true;
    }

    private static SendRequest RequestOf(SendStreamRequest request) => new(request.Volume, request.Snapshot)
    {
        FromVolume = request.FromVolume,
        From = request.From,
        Resume = request.Resume,
    };

    private static string Text(StreamReport report) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Snapshot}: {report.Blocks} blocks, {ByteSize.Format(report.Bytes)}");

    [LoggerMessage(Level = LogLevel.Information, Message = "{What} {Snapshot}: {Bytes} bytes")]
    private partial void Transferred(string what, string snapshot, long bytes);
}
