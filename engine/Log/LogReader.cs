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
internal sealed class LogReader(ILoop loop, PoolDevices devices, DamageLog damage, bool mayRepair)
{
    private readonly byte[] _scratch = new byte[LogGroupHeader.Bytes];

    // First copy of the segment that is being read.
    private readonly IoBuffer _image = loop.Buffers.Rent(Layout.LogSegmentBytes);
    private LogSegment _imaged;
    private IoStatus _imageStatus;

    /// <summary>Returns the memory.</summary>
    public void Close() => _image.Release();

    public async ValueTask<LogScan> ScanAsync(LogPosition start)
    {
        List<FoundGroup> groups = [];
        List<LogSegment> segments = [start.Segment, start.Next];
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
            at = new LogPosition(
                at.Generation, at.Sequence + 1, found.Segment, next, found.OffsetBytes + header.TotalBytes,
                    header.Checksum);
        }

        buffer.Release();
        string? gap = await FindProofOfLossAsync(at);
        return new LogScan(groups, flushedThrough, segments, gap);
    }

    /// <summary>Reads a group again that a scan found.</summary>
    /// <returns>False if it cannot be read any more.</returns>
    public async ValueTask<bool> ReadAsync(FoundGroup group, IoBuffer into)
    {
        LogPosition at = new(group.Header.Generation, group.Header.Sequence, group.Segment, default,
            group.OffsetBytes,
            group.Header.PreviousChecksum);
        return await TryReadAsync(at, group.Segment, group.OffsetBytes, into) is not null;
    }

    private async ValueTask<FoundGroup?> FindGroupAsync(LogPosition at, IoBuffer buffer)
    {
        if (at.OffsetBytes < Layout.LogSegmentBytes
            && await TryReadAsync(at, at.Segment, at.OffsetBytes, buffer) is { } here)
            return new FoundGroup(at.Segment, at.OffsetBytes, here);
        if (await TryReadAsync(at, at.Next, 0, buffer) is { } next) return new FoundGroup(at.Next, 0, next);
        return null;
    }

    private async ValueTask<LogGroupHeader?> TryReadAsync(LogPosition expected, LogSegment segment,
        int offset, IoBuffer buffer)
    {
        if (segment != _imaged)
        {
            _imageStatus = await ReadAsync(segment.Place0, _image.First(Layout.LogSegmentBytes));
            _imaged = segment;
        }

        int length = Math.Min(Layout.LogGroupMaximumBytes, Layout.LogSegmentBytes - offset);
        IoSlice first = _image.Slice.Slice(offset, length);
        if (_imageStatus == IoStatus.Ok && IsExpected(first.Span, expected, out LogGroupHeader header))
        {
            first.Span[..header.TotalBytes].CopyTo(buffer.Span);
            return header;
        }

        IoStatus status = await ReadAsync(segment.At(1, offset), buffer.First(length));
        if (status != IoStatus.Ok || !IsExpected(buffer.Span[..length], expected, out header)) return null;
        await RepairAsync(segment.At(0, offset), buffer.First(header.TotalBytes));
        return header;
    }

    // Through other memory, and again after a time-out: a device that hangs may still write there.
    private async ValueTask<IoStatus> ReadAsync(BlockPlace place, IoSlice into)
    {
        IoStatus status = IoStatus.DeviceTimeout;
        for (int i = 0; i < BlockReader.Attempts && status == IoStatus.DeviceTimeout; i++)
        {
            IoBuffer apart = loop.Buffers.Rent(into.LengthBytes);
            status = await devices.ReadAsync(place, apart.First(into.LengthBytes));
            if (status == IoStatus.Ok) apart.Span[..into.LengthBytes].CopyTo(into.Span);
            apart.Release();
        }

        return status;
    }

    private async ValueTask RepairAsync(BlockPlace place, IoSlice good)
    {
        bool repaired = mayRepair && await devices.WriteAsync(place, good) == IoStatus.Ok;
        damage.Note(DamageKind.Log, place.ToString(), repaired);
    }

    private bool IsExpected(ReadOnlySpan<byte> bytes, LogPosition expected, out LogGroupHeader header) =>
        LogGroupHeader.TryReadHeader(bytes, out header) is null
        && header.Generation == expected.Generation
        && header.Sequence == expected.Sequence
        && header.PreviousChecksum == expected.PreviousChecksum
        && header.TotalBytes <= bytes.Length
        && LogGroupHeader.ChecksumHolds(bytes, header, _scratch);

    // A later group of this generation that says it was written after the missing one was flushed.
    private async ValueTask<string?> FindProofOfLossAsync(LogPosition end)
    {
        IoBuffer buffer = loop.Buffers.Rent(Layout.LogSegmentBytes);
        string? gap = null;
        for (int part = 0; part < 4 && gap is null; part++)
        {
            LogSegment segment = part < 2 ? end.Segment : end.Next;
            int from = part < 2 ? end.OffsetBytes : 0;
            if (segment.Place0.IsNone || from >= Layout.LogSegmentBytes) continue;
            int length = Layout.LogSegmentBytes - from;
            IoStatus status = await ReadAsync(segment.At(part % 2, from), buffer.First(length));
            if (status == IoStatus.Ok) gap = ProofWithin(buffer.Span[..length], end);
        }

        buffer.Release();
        return gap;
    }

    private string? ProofWithin(ReadOnlySpan<byte> bytes, LogPosition end)
    {
        for (int offset = 0; offset < bytes.Length; offset += Layout.SectorBytes)
        {
            ReadOnlySpan<byte> rest = bytes[offset..];
            if (LogGroupHeader.TryReadHeader(rest, out LogGroupHeader later) is not null) continue;
            if (later.Generation != end.Generation || later.FlushedThrough < end.Sequence) continue;
            if (later.TotalBytes > rest.Length || !LogGroupHeader.ChecksumHolds(rest, later, _scratch))
                continue;
            return $"group {end.Sequence} of the commit log is damaged in both copies, "
                + $"but group {later.Sequence} shows that it was durable";
        }

        return null;
    }
}
