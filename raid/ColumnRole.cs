namespace Cstor.Raid;

/// <summary>What a column holds.</summary>
public enum ColumnRole
{
    /// <summary>A part of the block, from <see cref="Column.Index"/> on; or the whole of it.</summary>
    Data = 0,

    /// <summary>Computed from the data columns.</summary>
    Parity,
}
