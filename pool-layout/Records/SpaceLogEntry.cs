using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>A run of sectors that was allocated or freed.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public readonly record struct SpaceLogEntry
{
    public const int Bytes = 16;

    [field: FieldOffset(0)] public BlockPlace Place { get; init; }

    [field: FieldOffset(8)] public uint SectorCount { get; init; }

    /// <summary>1 allocated, 2 freed.</summary>
    [field: FieldOffset(12)] public SpaceChange Change { get; init; }

    /// <summary>Reason why the entry cannot be right, or null.</summary>
    public string? Validate()
    {
        if (Place.IsNone || SectorCount == 0) return "empty run";
        return Change is SpaceChange.Allocated or SpaceChange.Freed ? null : $"unknown change {(uint)Change}";
    }
}
