using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Compression;

namespace Cstor.Engine.Blocks;

/// <summary>
/// Reads what a pointer names and believes nothing that does not match the pointer's checksum. When the
/// first copy is wrong or unreadable, every copy of every place is tried; the good one is returned and
/// written over the bad ones.
/// </summary>
internal sealed class BlockReader(ILoop loop, PoolDevices devices, DamageLog damage) : IDisposable
{
    private readonly BlockCompressor _compressor = new();

    /// <summary>Repairs are refused on a pool imported read-only.</summary>
    public bool MayRepair { get; set; } = true;

    /// <summary>Reads a block's logical bytes.</summary>
    /// <param name="pointer">No hole.</param>
    /// <param name="into">4096-aligned, at least the logical length; beyond the physical length of an
    /// uncompressed block it is left as it was.</param>
    /// <param name="kind">For the damage report.</param>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ReadAsync(BlockPointer pointer, IoSlice into, DamageKind kind)
    {
        int storedBytes = pointer.PhysicalSectors << Layout.SectorShift;
        if (pointer.Compression == CompressionKind.Off)
            return await ReadStoredAsync(pointer, into.Slice(0, storedBytes), kind);

        IoBuffer? stored = loop.Buffers.TryRent(storedBytes);
        if (stored is null) return IoStatus.NoMemory;
        IoStatus status = await ReadStoredAsync(pointer, stored.First(storedBytes), kind);
        if (status == IoStatus.Ok && !TryDecompress(pointer, stored.First(storedBytes), into))
            status = IoStatus.ChecksumMismatch;
        stored.Release();
        return status;
    }

    /// <summary>Whether the stored bytes are what the pointer wants.</summary>
    public static bool Matches(in BlockPointer pointer, IoSlice stored) =>
        Xxh128.Compute(stored.Span[..(int)pointer.PhysicalBytes]) == pointer.Checksum;

    /// <summary>Reads a copy chosen by the vdev; on a mismatch or error, any copy that is good.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ReadStoredAsync(BlockPointer pointer, IoSlice into, DamageKind kind)
    {
        IoStatus status = await devices.ReadAsync(pointer.Place0, into);
        if (status == IoStatus.Ok && Matches(pointer, into)) return IoStatus.Ok;
        return await RecoverAsync(pointer, into, kind);
    }

    /// <summary>Reads every copy, keeps a good one and repairs the others.</summary>
    public async ValueTask<IoStatus> RecoverAsync(BlockPointer pointer, IoSlice into, DamageKind kind)
    {
        IoBuffer? trial = loop.Buffers.TryRent(into.LengthBytes);
        if (trial is null) return IoStatus.NoMemory;
        IoSlice attempt = trial.First(into.LengthBytes);
        IoStatus worst = IoStatus.DeviceError;
        bool found = false;
        List<(BlockPlace Place, int Copy)> bad = [];
        for (int index = 0; index < pointer.CopyCount; index++)
        {
            BlockPlace place = index == 0 ? pointer.Place0 : pointer.Place1;
            for (int copy = 0; copy < devices.CopyCount(place.Vdev); copy++)
            {
                IoStatus status = await devices.ReadCopyAsync(place, copy, attempt);
                if (status == IoStatus.Ok && Matches(pointer, attempt))
                {
                    if (!found) attempt.Span.CopyTo(into.Span);
                    found = true;
                    continue;
                }

                // A copy that is missing anyway is no news.
                if (status == IoStatus.DeviceGone) continue;
                bad.Add((place, copy));
                if (status != IoStatus.Ok) continue;
                worst = IoStatus.ChecksumMismatch;
                devices.NoteChecksumError(place, copy);
            }
        }

        trial.Release();
        foreach ((BlockPlace place, int copy) in bad)
        {
            bool repaired = found && MayRepair
                && await devices.RepairCopyAsync(place, copy, into) == IoStatus.Ok;
            damage.Note(kind, $"{place} copy {copy}", repaired);
        }

        return found ? IoStatus.Ok : worst;
    }

    public void Dispose() => _compressor.Dispose();

    /// <summary>Decompresses verified stored bytes.</summary>
    public bool TryDecompress(in BlockPointer pointer, IoSlice stored, IoSlice into) =>
        _compressor.TryDecompress(
            pointer.Compression, stored.Span[..(int)pointer.PhysicalBytes],
                into.Span[..pointer.LogicalBytes]);
}
