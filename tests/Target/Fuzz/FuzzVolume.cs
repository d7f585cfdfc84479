using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Tests.Target.Fuzz;

/// <summary>
/// A small volume, so that commands meet, whose requests end at once or later and sometimes fail. It can have
/// a planted fault.
/// </summary>
internal sealed class FuzzVolume(FuzzLoop loop, Random random, FuzzPlant plant) : IBlockVolume
{
    private readonly byte[] _bytes = new byte[1024 * 1024];

    public Guid Id { get; } = new("3f2504e0-4f89-41d3-9a0c-0305e82c3301");

    public string Name => "tank/db";

    public long SizeBytes => _bytes.Length;

    public int BlockSizeBytes => 4096;

    public bool IsReadOnly => false;

    public int AtomicBytes => 65536;

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        if (plant == FuzzPlant.Hang && offsetBytes == 512 * 16)
            return new ValueTask<IoStatus>(new TaskCompletionSource<IoStatus>().Task);
        return End(() => _bytes.AsSpan((int)offsetBytes, into.LengthBytes).CopyTo(into.Span));
    }

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable) =>
        End(() => from.Span.CopyTo(_bytes.AsSpan((int)offsetBytes)));

    public ValueTask<IoStatus> WriteAtomicAsync(long offsetBytes, IoSlice from, bool durable) =>
        WriteAsync(offsetBytes, from, durable);

    public ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes)
    {
        if (plant == FuzzPlant.Crash && lengthBytes / 512 % 2 == 1)
            throw new InvalidOperationException("planted");
        return End(() => _bytes.AsSpan((int)offsetBytes, (int)lengthBytes).Clear());
    }

    public ValueTask<IoStatus> FlushAsync() => End(static () => { });

    private ValueTask<IoStatus> End(Action work)
    {
        int chance = random.Next(32);
        if (chance == 0) return new ValueTask<IoStatus>(Failure());
        if (chance > 8)
        {
            work();
            return new ValueTask<IoStatus>(IoStatus.Ok);
        }

        TaskCompletionSource<IoStatus> later = new();
        loop.Post(() =>
        {
            work();
            later.SetResult(IoStatus.Ok);
        });
        return new ValueTask<IoStatus>(later.Task);
    }

    private IoStatus Failure() => random.Next(3) switch
    {
        0 => IoStatus.NoSpace,
        1 => IoStatus.DeviceTimeout,
        _ => IoStatus.ReadOnly,
    };
}

/// <summary>A fault that the fuzzer must find.</summary>
internal enum FuzzPlant
{
    None,

    /// <summary>An unmap of an odd number of sectors throws.</summary>
    Crash,

    /// <summary>A read at one place never ends.</summary>
    Hang,

    /// <summary>A buffer is not given back.</summary>
    Leak,
}
