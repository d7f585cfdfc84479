namespace Cstor.PoolLayout.Printing;

/// <summary>One field of a structure as it lies on disk.</summary>
/// <param name="Offset">From the structure's start.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Name">As in the format document: words with dashes.</param>
/// <param name="Value">For people.</param>
public readonly record struct FieldRow(int Offset, int Bytes, string Name, string Value);
