using System.Diagnostics.CodeAnalysis;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target;

/// <summary>Reads zeroes and discards writes: shows the wire path alone, for the bench.</summary>
[SuppressMessage("Reliability", "CA2012", Justification = "Completed values.")]
public sealed class NullVolume(string name, long sizeBytes, int blockSizeBytes = 4096) : IBlockVolume
{
    private static readonly Guid Identity = new("6e756c6c-0000-4000-8000-6373746f7200");

    public Guid Id => Identity;

    public string Name => name;

    public long SizeBytes => sizeBytes;

    public int BlockSizeBytes => blockSizeBytes;

    public bool IsReadOnly => false;

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        into.Span.Clear();
        return new(IoStatus.Ok);
    }

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable) => new(IoStatus.Ok);

    public ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes) => new(IoStatus.Ok);

    public ValueTask<IoStatus> FlushAsync() => new(IoStatus.Ok);
}
