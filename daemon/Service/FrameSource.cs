using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Streams;

namespace Cstor.Daemon.Service;

/// <summary>Carries a stream from a connection to the loop.</summary>
internal sealed class FrameSource(LinuxLoop loop, StreamFrames frames, CancellationToken cancel)
    : IStreamSource
{
    private readonly byte[] _buffer = new byte[StreamFrames.DataMaximumBytes];

    public ValueTask<int> ReadAsync(IoSlice into)
    {
        TaskCompletionSource<int> done = new();
        _ = Task.Run(() => ReadAsync(into, done), CancellationToken.None);
        return new ValueTask<int>(done.Task);
    }

    private async Task ReadAsync(IoSlice into, TaskCompletionSource<int> done)
    {
        int came = 0;
        try
        {
            came = await frames.ReadAsync(
                _buffer.AsMemory(0, Math.Min(_buffer.Length, into.LengthBytes)), cancel);
            _buffer.AsSpan(0, came).CopyTo(into.Span);
        }
        catch (Exception exception) when (
            exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // As if the stream had ended here.
        }
        loop.Post(() => done.SetResult(came));
    }
}
