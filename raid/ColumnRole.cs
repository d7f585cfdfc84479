namespace Cstor.Raid;

/// <summary>What a column holds.</summary>
public enum ColumnRole
{
    /// <summary>A part of the block, from <see cref="Column.DataSector"/> on; or the whole of it.</summary>
    Data = 0,

    /// <summary>Another copy of what a data column holds.</summary>
    Copy,

    /// <summary>Computed from the data columns.</summary>
    Parity,
}
