namespace Cstor.PoolLayout.Labels;

/// <summary>What was found where a label belongs.</summary>
public enum LabelCondition
{
    /// <summary>A label of this format.</summary>
    Whole = 0,

    /// <summary>Zeroes: never written.</summary>
    Blank,

    /// <summary>Something that does not begin like a label.</summary>
    Foreign,

    /// <summary>Begins like a label and does not hash to its checksum.</summary>
    Damaged,

    /// <summary>A whole label that this program must not interpret: newer version, unknown feature.</summary>
    Unknown,

    /// <summary>The device failed the read.</summary>
    Unreadable,
}
