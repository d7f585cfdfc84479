using System.Runtime.InteropServices;
using Cstor.Raid;

namespace Cstor.Tests.Raid;

/// <summary>Data and parity columns in native memory, each between bytes that nothing may touch.</summary>
internal sealed unsafe class Columns : IDisposable
{
    private const int Margin = 64;
    private const byte Untouched = 0xA5;
    private readonly byte* _memory;
    private readonly int _bytes;

    /// <param name="lengths">Of the data columns.</param>
    /// <param name="parity">How many parity columns, as long as the longest.</param>
    /// <param name="random">Fills the data.</param>
    /// <param name="shift">Bytes by which the columns miss alignment.</param>
    public Columns(int[] lengths, int parity, Random random, int shift = 0)
    {
        Data = new ColumnBytes[lengths.Length];
        Parity = new ColumnBytes[parity];
        int longest = lengths.Max();
        _bytes = lengths.Sum() + (parity * longest) + ((lengths.Length + parity + 1) * Margin) + shift;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)_bytes, 64);
        new Span<byte>(_memory, _bytes).Fill(Untouched);
        nint at = (nint)_memory + Margin + shift;
        for (int i = 0; i < lengths.Length + parity; i++)
        {
            ColumnBytes column = new(at, i < lengths.Length ? lengths[i] : longest);
            if (i < lengths.Length) random.NextBytes(column.Span);
            if (i < lengths.Length) Data[i] = column;
            else Parity[i - lengths.Length] = column;
            at += column.LengthBytes + Margin;
        }
    }

    public ColumnBytes[] Data { get; }

    public ColumnBytes[] Parity { get; }

    /// <summary>Everything, margins included.</summary>
    public Span<byte> Memory => new(_memory, _bytes);

    public void Dispose() => NativeMemory.AlignedFree(_memory);
}
