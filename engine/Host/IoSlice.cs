using Cstor.PoolLayout;

namespace Cstor.Engine.Host;

/// <summary>
/// A run of native memory that somebody else owns. For disks, address and length are multiples of the disk's
/// sector. The holder of the <see cref="IoBuffer"/> behind it keeps it until the I/O has completed.
/// </summary>
public readonly record struct IoSlice(nint Address, int LengthBytes)
{
    /// <summary>The memory as a span; valid while the owner keeps the buffer.</summary>
    public unsafe Span<byte> Span => new((void*)Address, LengthBytes);

    /// <summary>A part of this run.</summary>
    public IoSlice Slice(int startBytes, int lengthBytes)
    {
        Check.That((uint)startBytes <= (uint)LengthBytes);
        Check.That((uint)lengthBytes <= (uint)(LengthBytes - startBytes));
        return new IoSlice(Address + startBytes, lengthBytes);
    }
}
