using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Compression;

namespace Cstor.Engine.Checking;

/// <summary>
/// Reads blocks for a check: every part of every copy, with a claim on its places, each of which only one
/// owner may have.
/// </summary>
internal sealed class BlockVerifier(ILoop loop, PoolDevices devices, SectorClaims claims, CheckReport report)
    : IDisposable
{
    private readonly BlockCompressor _compressor = new();

    /// <summary>Sectors claimed for blocks so far.</summary>
    public long ClaimedSectors { get; private set; }

    public void Dispose() => _compressor.Dispose();

    /// <summary>The contents of a block that somebody else claims; empty if no copy is good.</summary>
    public async ValueTask<Verified> ReadSharedAsync(BlockPointer pointer)
    {
        IoBuffer stored = loop.Buffers.Rent(pointer.PhysicalSectors << Layout.SectorShift);
        IoStatus status = IoStatus.DeviceError;
        for (int index = 0; index < pointer.CopyCount && status != IoStatus.Ok; index++)
        {
            BlockPlace place = index == 0 ? pointer.Place0 : pointer.Place1;
            Examination found = await devices.ExamineAsync(
                place, stored.First(pointer.PhysicalSectors << Layout.SectorShift),
                slice => BlockReader.Matches(pointer, slice), ExamineMode.Verify);
            status = found.Status;
        }

        if (status == IoStatus.Ok) return new Verified(stored, (int)pointer.PhysicalBytes);
        stored.Release();
        return default;
    }

    /// <summary>Claims a block's places, reads every part of every copy, returns the good contents.</summary>
    public async ValueTask<Verified> ReadAsync(BlockPointer pointer, string what)
    {
        if (pointer.Validate() is { } reason)
        {
            report.Add($"{what}: {reason}");
            return default;
        }

        report.Blocks++;
        IoBuffer stored = loop.Buffers.Rent(pointer.PhysicalSectors << Layout.SectorShift);
        bool isFound = false;
        bool isClaimed = true;
        int taken = 0;
        for (int index = 0; index < pointer.CopyCount; index++)
        {
            BlockPlace place = index == 0 ? pointer.Place0 : pointer.Place1;
            int sectors = SectorsOf(place, pointer.PhysicalSectors);
            taken += sectors;
            isClaimed &= Claim(place, sectors, what);
            if (isClaimed) isFound = await ReadPartsAsync(pointer, place, stored, isFound, what);
        }

        ClaimedSectors += pointer.AllocatedSectors;
        if (taken != pointer.AllocatedSectors)
            report.Add($"{what}: takes {taken} sectors, its pointer says {pointer.AllocatedSectors}");
        IoBuffer logical = loop.Buffers.Rent(pointer.LogicalBytes);
        bool isGood = isClaimed && isFound && Expand(pointer, stored, logical, what);
        stored.Release();
        if (isGood) return new Verified(logical, pointer.LogicalBytes);
        logical.Release();
        return default;
    }

    // Every part is read, and the walk goes on below what is good: one lost disk is reported as that alone.
    private async ValueTask<bool> ReadPartsAsync(
        BlockPointer pointer, BlockPlace place, IoBuffer stored, bool isFound, string what)
    {
        int bytes = pointer.PhysicalSectors << Layout.SectorShift;
        IoBuffer trial = loop.Buffers.Rent(bytes);
        Examination found = await devices.ExamineAsync(
            place, trial.First(bytes), slice => BlockReader.Matches(pointer, slice), ExamineMode.Verify);
        if (found.Status == IoStatus.Ok && !isFound) trial.Span[..bytes].CopyTo(stored.Span);
        trial.Release();
        if (found.BadParts > 0) report.Add($"{what}: at {place}: wrong or unreadable on {found.Where}");
        if (found.Status != IoStatus.Ok) report.Add($"{what}: at {place}: {found.Status}");
        return isFound || found.Status == IoStatus.Ok;
    }

    private bool Expand(in BlockPointer pointer, IoBuffer stored, IoBuffer logical, string what)
    {
        Span<byte> bytes = logical.Span[..pointer.LogicalBytes];
        if (pointer.Compression == CompressionKind.Off)
        {
            bytes.Clear();
            stored.Span[..(int)pointer.PhysicalBytes].CopyTo(bytes);
            return true;
        }

        ReadOnlySpan<byte> packed = stored.Span[..(int)pointer.PhysicalBytes];
        if (_compressor.TryDecompress(pointer.Compression, packed, bytes)
            && Xxh128.Compute(bytes) == pointer.ContentHash)
            return true;
        report.Add($"{what}: does not decompress to what its content hash says");
        return false;
    }

    private int SectorsOf(BlockPlace place, int physicalSectors) => place.Vdev < devices.VdevCount
        ? devices.Geometry(place.Vdev).AllocatedSectors(physicalSectors)
        : physicalSectors;

    /// <summary>Claims a log segment, rounded up to what leaves no gap too small for a block.</summary>
    public void ClaimSegment(BlockPlace place, string what)
    {
        int multiple = SectorsOf(place, 1);
        Claim(place, (Layout.LogSegmentSectors + multiple - 1) / multiple * multiple, what);
    }

    private bool Claim(BlockPlace place, int sectors, string what)
    {
        string? reason = claims.Claim(place, sectors);
        if (reason is not null) report.Add($"{what}: {reason}");
        return reason is null;
    }
}
