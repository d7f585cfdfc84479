namespace Cstor.Raid;

/// <summary>A column's bytes in native memory, which the caller keeps.</summary>
/// <param name="Address">No alignment is required.</param>
/// <param name="LengthBytes">Of data columns the last ones may be shorter than the first; they count as
/// padded with zeroes. Parity columns are as long as the longest data column.</param>
public readonly record struct ColumnBytes(nint Address, int LengthBytes)
{
    internal unsafe Span<byte> Span => new((void*)Address, LengthBytes);
}
