namespace Cstor.Raid;

/// <summary>Where a kernel puts its rows, and what it adds to them; null is nothing to add.</summary>
internal readonly unsafe struct RowBytes
{
    public byte* P { get; init; }

    public byte* Q { get; init; }

    public byte* R { get; init; }

    public byte* AddToQ { get; init; }

    public byte* AddToR { get; init; }
}
