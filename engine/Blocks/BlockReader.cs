using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Space;
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
/// <remarks>
/// A read holds no lock: its block may be overwritten meanwhile, and its place be used again. Then the old
/// contents must not be written anywhere, though a copy of them may still be found. Therefore a block is
/// repaired only if no place at all was given free since the read began, when its caller had found the
/// pointer in a tree; and while it is being repaired, none is (see <see cref="SpaceLedger"/>).
/// </remarks>
internal sealed class BlockReader(ILoop loop, PoolDevices devices, SpaceLedger ledger, DamageLog damage)
    : IDisposable
{
    /// <summary>
    /// Reads, each into other memory after DeviceTimeout: one for each device that a vdev can lack, and one.
    /// </summary>
    public const int Attempts = 4;

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
        long releases = ledger.Releases;
        int storedBytes = pointer.PhysicalSectors << Layout.SectorShift;
        if (pointer.Compression == CompressionKind.Off)
            return await ReadStoredAsync(pointer, into.Slice(0, storedBytes), kind);

        IoBuffer? stored = loop.Buffers.TryRent(storedBytes);
        if (stored is null) return IoStatus.NoMemory;
        IoStatus status = await ReadStoredAsync(pointer, stored.First(storedBytes), kind);
        if (status == IoStatus.DeviceTimeout)
        {
            stored.Release();
            stored = loop.Buffers.TryRent(storedBytes);
            if (stored is null) return IoStatus.NoMemory;
            status = await RecoverAsync(pointer, stored.First(storedBytes), kind, releases);
        }

        if (status == IoStatus.Ok && !TryDecompress(pointer, stored.First(storedBytes), into))
            status = IoStatus.ChecksumMismatch;
        stored.Release();
        return status;
    }

    /// <summary>
    /// As <see cref="ReadAsync"/>, through memory of its own: a device that hangs never touches the caller's,
    /// and other copies may answer.
    /// </summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ReadApartAsync(BlockPointer pointer, IoSlice into, DamageKind kind)
    {
        if (pointer.Compression != CompressionKind.Off) return await ReadAsync(pointer, into, kind);
        long releases = ledger.Releases;
        int storedBytes = pointer.PhysicalSectors << Layout.SectorShift;
        // Checkpoints read nodes by this, which must not fail for want of memory.
        IoBuffer apart = loop.Buffers.Rent(storedBytes);
        IoStatus status = await ReadStoredAsync(pointer, apart.First(storedBytes), kind);
        if (status == IoStatus.Ok) apart.Span[..storedBytes].CopyTo(into.Span);
        apart.Release();
        return status == IoStatus.DeviceTimeout
            ? await RecoverAsync(pointer, into.Slice(0, storedBytes), kind, releases)
            : status;
    }

    /// <summary>Whether the stored bytes are what the pointer wants.</summary>
    public static bool Matches(in BlockPointer pointer, IoSlice stored) =>
        BlockChecksum.Compute(pointer.ChecksumKind, stored.Span[..(int)pointer.PhysicalBytes])
            == pointer.Checksum;

    /// <summary>
    /// Reads a copy chosen by the vdev; on a mismatch or error, any copy that is good. Not after
    /// DeviceTimeout: then the memory is lost to the device that hangs, and the caller repeats the read in
    /// other memory.
    /// </summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ReadStoredAsync(BlockPointer pointer, IoSlice into, DamageKind kind)
    {
        long releases = ledger.Releases;
        IoStatus status = await devices.ReadAsync(pointer.Place0, into);
        if (status == IoStatus.Ok && Matches(pointer, into)) return IoStatus.Ok;
        if (status == IoStatus.DeviceTimeout) return status;
        return await RecoverAsync(pointer, into, kind, releases);
    }

    /// <summary>Recovers a block for a caller that keeps its place from being used again by a pin.</summary>
    public ValueTask<IoStatus> RecoverAsync(BlockPointer pointer, IoSlice into, DamageKind kind) =>
        RecoverAsync(pointer, into, kind, ledger.Releases);

    /// <summary>
    /// Examines every place, keeps the good contents and repairs what is wrong. No device touches the
    /// caller's memory.
    /// </summary>
    private async ValueTask<IoStatus> RecoverAsync(
        BlockPointer pointer, IoSlice into, DamageKind kind, long releases)
    {
        bool mayRepair = MayRepair && ledger.Releases == releases;
        if (mayRepair) ledger.Pin();
        IoBuffer? other = pointer.CopyCount > 1 ? loop.Buffers.TryRent(into.LengthBytes) : null;
        Func<IoSlice, bool> isRight = contents => Matches(pointer, contents);
        ExamineMode mode = mayRepair ? ExamineMode.Repair : ExamineMode.Verify;
        IoStatus status = IoStatus.DeviceError;
        int good = -1;
        for (int index = 0; index < pointer.CopyCount; index++)
        {
            BlockPlace place = index == 0 ? pointer.Place0 : pointer.Place1;
            IoSlice contents = good >= 0 && other is not null ? other.First(into.LengthBytes) : into;
            Examination found = await devices.ExamineAsync(place, contents, isRight, mode);
            if (found.BadParts > 0)
                damage.Note(kind, $"{place} on {found.Where}", found.RepairedParts == found.BadParts);
            if (found.Status == IoStatus.Ok && good < 0) good = index;
            else if (found.Status != IoStatus.Ok && good < 0) status = found.Status;
            // A place with nothing right left is written anew from the other.
            if (good < 0 || found.Status == IoStatus.Ok || !mayRepair) continue;
            await devices.WriteAsync(place, into);
        }

        // The first place may have failed before the second was found good.
        if (good == 1 && mayRepair) await devices.WriteAsync(pointer.Place0, into);
        other?.Release();
        if (mayRepair) ledger.Unpin();
        return good >= 0 ? IoStatus.Ok : status;
    }

    public void Dispose() => _compressor.Dispose();

    /// <summary>Decompresses verified stored bytes.</summary>
    public bool TryDecompress(in BlockPointer pointer, IoSlice stored, IoSlice into) =>
        _compressor.TryDecompress(
            pointer.Compression, stored.Span[..(int)pointer.PhysicalBytes],
                into.Span[..pointer.LogicalBytes]);
}
