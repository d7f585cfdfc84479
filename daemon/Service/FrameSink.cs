using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Streams;

namespace Cstor.Daemon.Service;

/// <summary>Carries a stream from the loop to a connection.</summary>
internal sealed class FrameSink(LinuxLoop loop, StreamFrames frames, CancellationToken gone) : IStreamSink
{
    public ValueTask<IoStatus> WriteAsync(IoSlice from)
    {
        TaskCompletionSource<IoStatus> done = new();
        _ = Task.Run(() => WriteAsync(from, done), CancellationToken.None);
        return new ValueTask<IoStatus>(done.Task);
    }

    private async Task WriteAsync(IoSlice from, TaskCompletionSource<IoStatus> done)
    {
        IoStatus status = IoStatus.Ok;
        try
        {
            for (int at = 0; at < from.LengthBytes; at += StreamFrames.DataMaximumBytes)
            {
                int bytes = Math.Min(StreamFrames.DataMaximumBytes, from.LengthBytes - at);
                from.Slice(at, bytes).Span.CopyTo(frames.Room.Span);
                await frames.WriteAsync(StreamFrameKind.Data, bytes, gone);
            }
        }
        catch (Exception exception) when (
            exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            status = IoStatus.Closed;
        }
        loop.Post(() => done.SetResult(status));
    }
}
