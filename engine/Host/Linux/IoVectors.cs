using System.Runtime.InteropServices;
using Cstor.Engine.Host.Linux.Abi;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// A list of memory runs in native memory, in the shape the kernel reads, with a message header in front for
/// sockets. Belongs to an operation, is kept for its next use, and may be freed only when no request refers
/// to it. Neighbouring runs are joined.
/// </summary>
internal sealed unsafe class IoVectors : IDisposable
{
    /// <summary>UIO_MAXIOV: the kernel takes no more runs at once.</summary>
    public const int MaximumCount = 1024;

    private MessageHeader* _header;
    private IoVector* _vectors;
    private int _capacity;
    private int _first;
    private int _count;

    public IoVectors()
    {
        _header = (MessageHeader*)NativeMemory.AllocZeroed((nuint)sizeof(MessageHeader));
        Reserve(16);
    }

    /// <summary>Bytes not yet transferred.</summary>
    public long RemainingBytes { get; private set; }

    /// <summary>The first run not yet transferred.</summary>
    public nint VectorsAddress => (nint)(_vectors + _first);

    /// <summary>Runs to hand to the kernel now.</summary>
    public uint WindowCount => (uint)Math.Min(_count - _first, MaximumCount);

    /// <summary>Takes over the runs of a request.</summary>
    public void Set(ReadOnlySpan<IoSlice> slices)
    {
        if (slices.Length > _capacity) Reserve(slices.Length);
        _first = 0;
        _count = 0;
        RemainingBytes = 0;
        foreach (IoSlice slice in slices)
        {
            if (slice.LengthBytes == 0) continue;
            Check.That(slice.LengthBytes > 0);
            RemainingBytes += slice.LengthBytes;
            if (_count > 0)
            {
                IoVector* last = _vectors + (_count - 1);
                if (last->Address + (nint)last->LengthBytes == slice.Address)
                {
                    last->LengthBytes += (nuint)slice.LengthBytes;
                    continue;
                }
            }

            _vectors[_count].Address = slice.Address;
            _vectors[_count].LengthBytes = (nuint)slice.LengthBytes;
            _count++;
        }
    }

    /// <summary>Drops what was transferred from the front.</summary>
    public void Advance(long bytes)
    {
        Check.That(bytes >= 0 && bytes <= RemainingBytes);
        RemainingBytes -= bytes;
        while (bytes > 0)
        {
            IoVector* vector = _vectors + _first;
            long length = (long)vector->LengthBytes;
            if (bytes < length)
            {
                vector->Address += (nint)bytes;
                vector->LengthBytes -= (nuint)bytes;
                return;
            }

            bytes -= length;
            _first++;
        }
    }

    /// <summary>The message header, made to point at what is left.</summary>
    public nint PrepareHeader()
    {
        _header->Vectors = VectorsAddress;
        _header->VectorCount = WindowCount;
        return (nint)_header;
    }

    public void Dispose()
    {
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_header);
        _vectors = null;
        _header = null;
        _capacity = 0;
    }

    private void Reserve(int count)
    {
        // The old contents are of a finished request: nothing to copy.
        NativeMemory.Free(_vectors);
        _capacity = checked((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count));
        _vectors = (IoVector*)NativeMemory.Alloc((nuint)_capacity, (nuint)sizeof(IoVector));
    }
}
