using Cstor.Engine.Host;

namespace Cstor.Engine.Checking;

/// <summary>The verified contents of a block; empty if it has none.</summary>
internal readonly struct Verified(IoBuffer buffer, int length) : IDisposable
{
    public ReadOnlySpan<byte> Bytes => buffer is null ? [] : buffer.Span[..length];

    public void Dispose() => buffer?.Release();
}
