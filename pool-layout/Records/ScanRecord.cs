using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// How far the newest scrub, or the newest resilver, had come when the uberblock's checkpoint began. A
/// position in the trees is enough to go on from: what was before it is done or was written anew since.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct ScanRecord
{
    public const int Bytes = 104;

    [FieldOffset(0)] public ScanState State;

    [FieldOffset(1)] public ScanStage Stage;

    [FieldOffset(2)] public ushort Reserved0;

    /// <summary>Of the datasets: slot in the dataset table.</summary>
    [FieldOffset(4)] public uint Slot;

    /// <summary>Next region, slot or block of the stage's tree.</summary>
    [FieldOffset(8)] public ulong Block;

    [FieldOffset(16)] public long StartedUnixNanoseconds;

    /// <summary>Zero unless it has ended.</summary>
    [FieldOffset(24)] public long EndedUnixNanoseconds;

    /// <summary>Allocated space looked at, copies and parity included.</summary>
    [FieldOffset(32)] public long ExaminedBytes;

    /// <summary>Allocated space when it began.</summary>
    [FieldOffset(40)] public long TotalBytes;

    /// <summary>Bytes read from devices and written to them.</summary>
    [FieldOffset(48)] public long IssuedBytes;

    /// <summary>Blocks of which a wrong or missing part was rewritten.</summary>
    [FieldOffset(56)] public long RepairedBlocks;

    /// <summary>Blocks that no combination of what is left gives back.</summary>
    [FieldOffset(64)] public long LostBlocks;

    /// <summary>
    /// Of a running resilver: names the devices it is for and the labels' generation. The position counts
    /// only if these are still the same; zero never is.
    /// </summary>
    [FieldOffset(72)] public Hash128 Targets;

    /// <summary>Newest epoch whose snapshots existed when it began.</summary>
    [FieldOffset(88)] public ulong StartEpoch;

    /// <summary>Birth epoch of the dataset in <see cref="Slot"/>; 0 before the first dataset.</summary>
    [FieldOffset(96)] public ulong DatasetBirth;

    /// <summary>Reason why the fields cannot be right, or null.</summary>
    public readonly string? Validate()
    {
        if (State > ScanState.Canceled) return $"unknown scan state {(byte)State}";
        if (Stage > ScanStage.End) return $"unknown scan stage {(byte)Stage}";
        if (Reserved0 != 0) return "reserved bytes are set";
        long least = Math.Min(Math.Min(ExaminedBytes, TotalBytes), Math.Min(IssuedBytes, RepairedBlocks));
        return Math.Min(least, LostBlocks) < 0 ? "negative scan counter" : null;
    }
}
