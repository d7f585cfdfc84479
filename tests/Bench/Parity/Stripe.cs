using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.Raid;

namespace Cstor.Tests.Bench.Parity;

/// <summary>Columns of random bytes in the order of a block, and the same task done by either side.</summary>
internal sealed unsafe class Stripe : IDisposable
{
    private readonly int _columnBytes;
    private readonly ColumnBytes[] _data;
    private readonly ColumnBytes[] _parity = new ColumnBytes[3];
    private readonly (int First, int Second)[] _pairs;

    // ISA-L counts the powers of its columns upward: for it they stand in reverse, with parity behind.
    private readonly nint* _vectors;
    private readonly byte* _tables;
    private readonly byte* _memory;
    private int _pair;

    public Stripe(int columns, int columnBytes)
    {
        _columnBytes = columnBytes;
        _data = new ColumnBytes[columns];
        nuint bytes = (nuint)(columns + 3) * (nuint)columnBytes;
        _memory = (byte*)NativeMemory.AlignedAlloc(bytes, 4096);
        new Random(1).NextBytes(new Span<byte>(_memory, columns * columnBytes));
        _vectors = (nint*)NativeMemory.Alloc((nuint)(columns + 3), (nuint)sizeof(nint));
        for (int i = 0; i < columns + 3; i++)
        {
            ColumnBytes column = new((nint)_memory + (i * columnBytes), columnBytes);
            if (i < columns) _data[i] = column;
            else _parity[i - columns] = column;
            _vectors[i < columns ? columns - 1 - i : i] = column.Address;
        }

        _tables = (byte*)NativeMemory.AlignedAlloc((nuint)(columns * 3 * 32), 64);
        byte* coefficients = stackalloc byte[columns * 3];
        for (int i = 0; i < columns * 3; i++)
        {
            int row = i / columns;
            coefficients[i] = GaloisField.Coefficient(row, columns - 1 - (i % columns), columns);
        }

        IsaL.EcInitTables(columns, 3, coefficients, _tables);
        _pairs = [.. from first in Enumerable.Range(0, columns)
                     from second in Enumerable.Range(0, columns)
                     where first < second
                     select (first, second)];
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        NativeMemory.AlignedFree(_tables);
        NativeMemory.Free(_vectors);
    }

    public void Generate(int rows) => RaidzParity.Generate(_data, _parity.AsSpan(0, rows));

    public void GenerateByIsaL(int rows)
    {
        if (rows == 1) _ = IsaL.XorGen(_data.Length + 1, _columnBytes, _vectors);
        else if (rows == 2) _ = IsaL.PqGen(_data.Length + 2, _columnBytes, _vectors);
        else IsaL.EcEncodeData(_columnBytes, _data.Length, 3, _tables, _vectors, _vectors + _data.Length);
    }

    /// <summary>Whatever the processor, with the same width of vectors as ours.</summary>
    public void GenerateByAvx2OfIsaL(int rows)
    {
        if (rows == 1) _ = IsaL.XorGenAvx(_data.Length + 1, _columnBytes, _vectors);
        else if (rows == 2) _ = IsaL.PqGenAvx2(_data.Length + 2, _columnBytes, _vectors);
        else
            IsaL.EcEncodeDataAvx2(_columnBytes, _data.Length, 3, _tables, _vectors, _vectors + _data.Length);
    }

    /// <summary>Two lost columns from P and Q, every pair in turn.</summary>
    public void Reconstruct()
    {
        (int first, int second) = _pairs[_pair];
        _pair = _pair + 1 == _pairs.Length ? 0 : _pair + 1;
        RaidzParity.Reconstruct(_data, _parity.AsSpan(0, 2), [first, second], [0, 1]);
    }

    /// <summary>Both sides agree, and what is lost comes back: else there is nothing to compare.</summary>
    public void Verify()
    {
        Span<byte> data = new(_memory, _data.Length * _columnBytes);
        Span<byte> parity = new(_memory + data.Length, 3 * _columnBytes);
        byte[] original = data.ToArray();
        for (int rows = 1; rows <= 3; rows++)
        {
            Span<byte> made = parity[..(rows * _columnBytes)];
            made.Clear();
            GenerateByIsaL(rows);
            byte[] expected = made.ToArray();
            made.Clear();
            Generate(rows);
            Check.That(made.SequenceEqual(expected));
        }

        foreach ((int first, int second) in _pairs)
        {
            data.Slice(first * _columnBytes, _columnBytes).Fill(0xFF);
            data.Slice(second * _columnBytes, _columnBytes).Fill(0xFF);
            Reconstruct();
            Check.That(data.SequenceEqual(original));
        }
    }
}
