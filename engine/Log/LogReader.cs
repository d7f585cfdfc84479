using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Log;

/// <summary>
/// Finds the groups of a log after a stop: each at the place that its predecessor leaves, else at the start
/// of the next segment, from either copy. Where they end, it looks for proof that a durable group should
/// have followed.
/// </summary>
/// <remarks>
/// A segment is a run of sectors as they lie on its vdev, and a group in it is one block: on a vdev with
/// parity a stripe of its own, whose header says how long it is. Where neither copy shows the header, it may
/// be lost rather than the log at its end, so before the scan ends it is computed from parity (see
/// <see cref="HeaderSearch"/>), or looked for on every device of a mirror.
/// </remarks>
internal sealed class LogReader(ILoop loop, PoolDevices devices, DamageLog damage, bool mayRepair)
{
    private readonly byte[] _scratch = new byte[LogGroupHeader.Bytes];
    private int _unreadableCopies;
    private bool _isBlind;
    private readonly ApartRead _reads = new(loop, devices);
    private readonly SegmentImage[] _images = [new(loop, devices), new(loop, devices)];

    /// <summary>Returns the memory.</summary>
    public void Close()
    {
        foreach (SegmentImage image in _images) image.Close();
    }

    public async ValueTask<LogScan> ScanAsync(LogPosition start)
    {
        List<FoundGroup> groups = [];
        List<LogSegment> segments = [start.Segment, start.Next];
        if (start.Generation == Uberblock.NoLog) return new LogScan([], start.Sequence - 1, segments, null);
        LogPosition at = start;
        ulong flushedThrough = start.Sequence - 1;
        IoBuffer buffer = loop.Buffers.Rent(Layout.LogGroupMaximumBytes);
        while (await FindGroupAsync(at, buffer) is { } found)
        {
            groups.Add(found);
            LogGroupHeader header = found.Header;
            flushedThrough = Math.Max(flushedThrough, header.FlushedThrough);
            LogSegment next = new(header.NextPlace0, header.NextPlace1);
            if (next != segments[^1]) segments.Add(next);
            int end = found.OffsetBytes + TakenBytes(found.Segment, header.TotalBytes);
            at = new LogPosition(at.Generation, at.Sequence + 1, found.Segment, next, end, header.Checksum);
        }

        buffer.Release();
        string? gap = await FindProofOfLossAsync(at);
        // What neither copy could be asked is no end of the log.
        if (_isBlind)
            gap ??= $"the commit log cannot be read from group {at.Sequence} on";
        return new LogScan(groups, flushedThrough, segments, gap);
    }

    /// <summary>Reads a group again that a scan found.</summary>
    /// <returns>False if it cannot be read any more.</returns>
    public async ValueTask<bool> ReadAsync(FoundGroup group, IoBuffer into)
    {
        LogGroupHeader header = group.Header;
        LogPosition at = new(header.Generation, header.Sequence, group.Segment, default, group.OffsetBytes,
            header.PreviousChecksum);
        for (int copy = 0; copy < 2; copy++)
        {
            BlockPlace place = group.Segment.At(copy, group.OffsetBytes);
            if (await ReadExactAsync(place, header.TotalBytes, at, into)) return true;
        }

        return false;
    }

    private async ValueTask<FoundGroup?> FindGroupAsync(LogPosition at, IoBuffer buffer)
    {
        for (int attempt = 0; attempt < 2; attempt++)
        {
            bool isThorough = attempt == 1;
            if (!isThorough) _isBlind = false;
            if (at.OffsetBytes < Layout.LogSegmentBytes
                && await TryReadAsync(at, at.Segment, at.OffsetBytes, buffer, isThorough) is { } here)
                return new FoundGroup(at.Segment, at.OffsetBytes, here);
            if (await TryReadAsync(at, at.Next, 0, buffer, isThorough) is { } next)
                return new FoundGroup(at.Next, 0, next);
        }

        return null;
    }

    private async ValueTask<LogGroupHeader?> TryReadAsync(LogPosition expected, LogSegment segment,
        int offset, IoBuffer buffer, bool isThorough)
    {
        _unreadableCopies = 0;
        for (int copy = 0; copy < 2; copy++)
        {
            BlockPlace place = segment.At(copy, offset);
            bool isStriped = devices.Geometry(place.Vdev).Parity > 0;
            if (isThorough && !isStriped && devices.Tree.Vdevs[place.Vdev].Devices.Length == 1) continue;
            LogGroupHeader? found = isStriped
                ? await TryStripedAsync(expected, segment, copy, offset, buffer, isThorough)
                : isThorough
                    ? await TryEveryDeviceAsync(expected, place, offset, buffer)
                    : await TryPlainAsync(expected, segment, copy, offset, buffer);
            if (found is not { } header) continue;
            if (copy > 0) await RepairAsync(expected, segment, offset, buffer, header.TotalBytes);
            return header;
        }

        _isBlind |= _unreadableCopies == 2;
        return null;
    }

    // The first copy comes from the image of the segment, the second one only if that does not do.
    private async ValueTask<LogGroupHeader?> TryPlainAsync(LogPosition expected, LogSegment segment, int copy,
        int offset, IoBuffer buffer)
    {
        int length = Math.Min(Layout.LogGroupMaximumBytes, Layout.LogSegmentBytes - offset);
        if (copy == 0)
        {
            await _images[0].LoadAsync(segment.Place0);
            if (_images[0].IsReadable)
            {
                ReadOnlySpan<byte> rest = _images[0].From(offset);
                if (!IsExpected(rest[..length], expected, out LogGroupHeader first)) return null;
                rest[..first.TotalBytes].CopyTo(buffer.Span);
                return first;
            }
        }

        IoStatus status = await _reads.BlockAsync(segment.At(copy, offset), buffer.First(length));
        if (status == IoStatus.Ok)
            return IsExpected(buffer.Span[..length], expected, out LogGroupHeader header) ? header : null;
        // A sector behind the group may be what cannot be read.
        status = await _reads.BlockAsync(segment.At(copy, offset), buffer.First(Layout.SectorBytes));
        if (status != IoStatus.Ok) _unreadableCopies++;
        if (status != IoStatus.Ok
            || LogGroupHeader.TryReadHeader(buffer.Span[..Layout.SectorBytes],
                out LogGroupHeader alone) is not null
            || !Follows(alone, expected) || alone.TotalBytes > length) return null;
        return await ReadExactAsync(segment.At(copy, offset), alone.TotalBytes, expected, buffer)
            ? alone : null;
    }

    // A mirror shows what one of its devices has; another one may have what that one lost.
    private async ValueTask<LogGroupHeader?> TryEveryDeviceAsync(LogPosition expected, BlockPlace place,
        int offset, IoBuffer buffer)
    {
        int length = Math.Min(Layout.LogGroupMaximumBytes, Layout.LogSegmentBytes - offset);
        Examination found = await devices.ExamineAsync(
            place, buffer.First(length), group => IsExpected(group.Span, expected, out _),
            ExamineMode.Verify);
        return found.Status == IoStatus.Ok
            && IsExpected(buffer.Span[..length], expected, out LogGroupHeader header) ? header : null;
    }

    private async ValueTask<LogGroupHeader?> TryStripedAsync(LogPosition expected, LogSegment segment,
        int copy, int offset, IoBuffer buffer, bool isThorough)
    {
        await _images[copy].LoadAsync(segment.At(copy, 0));
        BlockPlace place = segment.At(copy, offset);
        LogGroupHeader? header = isThorough
            ? HeaderSearch.Computed(_images[copy].From(offset), devices.Geometry(place.Vdev), loop.Buffers,
                found => Follows(found, expected))
            : HeaderSearch.AsItLies(_images[copy].From(offset), devices.Geometry(place.Vdev).Parity,
                found => Follows(found, expected));
        if (header is null || !await ReadExactAsync(place, header.Value.TotalBytes, expected, buffer))
            return null;
        return header;
    }

    // By the vdev, which computes what it cannot read; if the contents are wrong, in every way there is.
    private async ValueTask<bool> ReadExactAsync(BlockPlace place, int lengthBytes, LogPosition expected,
        IoBuffer buffer)
    {
        IoSlice into = buffer.First(lengthBytes);
        IoStatus status = await _reads.BlockAsync(place, into);
        if (status == IoStatus.Ok && IsExpected(into.Span, expected, out _)) return true;
        Examination found = await devices.ExamineAsync(
            place, into, group => IsExpected(group.Span, expected, out _),
            mayRepair ? ExamineMode.Repair : ExamineMode.Verify);
        if (found.BadParts > 0)
            damage.Note(
                DamageKind.Log, $"{place} on {found.Where}", found.RepairedParts == found.BadParts);
        return found.Status == IoStatus.Ok;
    }

    // The first copy did not show the group; where the vdev can compute it, there is nothing to repair.
    private async ValueTask RepairAsync(LogPosition expected, LogSegment segment, int offset, IoBuffer good,
        int lengthBytes)
    {
        BlockPlace place = segment.At(0, offset);
        if (devices.Geometry(place.Vdev).Parity > 0)
        {
            IoBuffer trial = loop.Buffers.Rent(lengthBytes);
            bool isThere = await ReadExactAsync(place, lengthBytes, expected, trial);
            trial.Release();
            if (isThere) return;
        }

        bool repaired = mayRepair && await devices.WriteAsync(place, good.First(lengthBytes)) == IoStatus.Ok;
        damage.Note(DamageKind.Log, place.ToString(), repaired);
        _images[0].Forget();
    }

    private static bool Follows(in LogGroupHeader header, LogPosition expected) =>
        header.Generation == expected.Generation
        && header.Sequence == expected.Sequence
        && header.PreviousChecksum == expected.PreviousChecksum;

    private bool IsExpected(ReadOnlySpan<byte> bytes, LogPosition expected, out LogGroupHeader header) =>
        LogGroupHeader.TryReadHeader(bytes, out header) is null
        && Follows(header, expected)
        && header.TotalBytes <= bytes.Length
        && LogGroupHeader.ChecksumHolds(bytes, header, _scratch);

    private int TakenBytes(LogSegment segment, int lengthBytes)
    {
        int sectors = lengthBytes >> Layout.SectorShift;
        int most = 0;
        for (int copy = 0; copy < 2; copy++)
            most = Math.Max(most, devices.Geometry(segment.At(copy, 0).Vdev).AllocatedSectors(sectors));
        return most << Layout.SectorShift;
    }

    // A later group of this generation that says it was written after the missing one was flushed.
    private async ValueTask<string?> FindProofOfLossAsync(LogPosition end)
    {
        IoBuffer buffer = loop.Buffers.Rent(Layout.LogGroupMaximumBytes);
        string? gap = null;
        for (int part = 0; part < 4 && gap is null; part++)
        {
            LogSegment segment = part < 2 ? end.Segment : end.Next;
            int from = part < 2 ? end.OffsetBytes : 0;
            if (segment.Place0.IsNone || from >= Layout.LogSegmentBytes) continue;
            gap = await FindProofWithinAsync(segment, part % 2, from, end, buffer);
        }

        buffer.Release();
        return gap;
    }

    private async ValueTask<string?> FindProofWithinAsync(LogSegment segment, int copy, int from,
        LogPosition end, IoBuffer buffer)
    {
        await _images[copy].LoadAsync(segment.At(copy, 0));
        int parity = devices.Geometry(segment.At(copy, 0).Vdev).Parity;
        for (int offset = from; offset < Layout.LogSegmentBytes; offset += Layout.SectorBytes)
        {
            if (HeaderSearch.AsItLies(_images[copy].From(offset), parity, header => IsProof(header, end))
                is not { } later)
                continue;
            IoSlice group = buffer.First(later.TotalBytes);
            IoStatus status = await _reads.BlockAsync(segment.At(copy, offset), group);
            if (status != IoStatus.Ok || !LogGroupHeader.ChecksumHolds(group.Span, later, _scratch)) continue;
            return $"group {end.Sequence} of the commit log is damaged in both copies, "
                + $"but group {later.Sequence} shows that it was durable";
        }

        return null;
    }

    private static bool IsProof(in LogGroupHeader header, LogPosition end) =>
        header.Generation == end.Generation && header.FlushedThrough >= end.Sequence;
}
