using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Compression;

namespace Cstor.Engine.Volumes;

/// <summary>
/// One block's compression on a worker; has a compressor of its own, because those are not shared.
/// </summary>
internal sealed class CompressionWork : IOffloadedWork, IDisposable
{
    private readonly BlockCompressor _compressor = new();
    private CompressionKind _kind;
    private int _level;
    private IoSlice _from;
    private IoSlice _into;

    /// <summary>Compressed length, 0 if it did not fit.</summary>
    public int CompressedBytes { get; private set; }

    public void Set(CompressionKind kind, int level, IoSlice from, IoSlice into)
    {
        _kind = kind;
        _level = level;
        _from = from;
        _into = into;
    }

    public void Execute() => CompressedBytes = _compressor.TryCompress(_kind, _level, _from.Span, _into.Span);

    public void Dispose() => _compressor.Dispose();
}
