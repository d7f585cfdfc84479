// Label I/O of one device. A write goes in two phases, labels 0 and 2, flush, labels 1 and 3, flush: one of
// each end at a time, so that at any moment of a crash one pair is whole, and so that losing either end, or
// any two labels, leaves one. The second phase is not begun if the first left nothing whole: then the second
// pair still has the old configuration.
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

internal static class LabelStore
{
    /// <summary>
    /// Reads all four labels; never fails, says what it found in each. Of a disk that hangs it finds none
    /// (see <see cref="Answers"/>), and the disk is to be let go of.
    /// </summary>
    public static async ValueTask<IReadOnlyList<LabelFinding>> ReadAsync(ILoop loop, IDisk disk)
    {
        LabelFinding[] findings = new LabelFinding[Layout.LabelCount];
        bool fits = LabelBlock.UsableBytes(disk.SizeBytes) >= (long)Layout.LabelCount * Layout.LabelBytes;
        IoBuffer? buffer = fits ? loop.Buffers.TryRent(Layout.LabelConfigBytes) : null;
        for (int i = 0; i < findings.Length; i++)
        {
            if (buffer is null)
            {
                findings[i] = new LabelFinding(
                    i, LabelCondition.Unreadable, fits ? "no memory" : "device too small", null);
                continue;
            }

            IoSlice block = buffer.First(Layout.LabelConfigBytes);
            long offsetBytes = LabelBlock.OffsetOf(disk.SizeBytes, i) + Layout.LabelConfigOffset;
            IoStatus status = await PatientIo.ReadAsync(loop, disk, offsetBytes, buffer, block.LengthBytes);
            if (status == IoStatus.DeviceTimeout)
            {
                buffer.Release();
                return Array.ConvertAll(findings, _ =>
                    new LabelFinding(i, LabelCondition.Unreadable, PatientIo.NoAnswer, null));
            }

            findings[i] = status == IoStatus.Ok ? Judge(i, block)
                : new LabelFinding(i, LabelCondition.Unreadable, $"read failed ({status})", null);
        }

        buffer?.Release();
        return findings;
    }

    /// <summary>The disk did not hang while its labels were read.</summary>
    public static bool Answers(IReadOnlyList<LabelFinding> findings) =>
        findings[0].Reason != PatientIo.NoAnswer;

    /// <summary>The newest whole label, or null.</summary>
    public static PoolLabel? Newest(IReadOnlyList<LabelFinding> findings)
    {
        PoolLabel? newest = null;
        foreach (LabelFinding finding in findings)
        {
            if (finding.Label is { } label && (newest is null || label.Generation > newest.Generation))
                newest = label;
        }

        return newest;
    }

    /// <summary>Writes all four labels in two phases.</summary>
    /// <returns>Ok if one pair, at least, is whole and durable with each phase that was begun
    /// flushed.</returns>
    public static async ValueTask<IoStatus> WriteAsync(PoolDevice device, PoolLabel label, BufferPool buffers)
    {
        IoBuffer? buffer = buffers.TryRent(Layout.LabelConfigBytes);
        if (buffer is null) return IoStatus.NoMemory;
        int usedBytes = LabelBlock.Write(label, buffer.First(Layout.LabelConfigBytes).Span);
        // The disk may be let go of in between: then the rest fails.
        long deviceBytes = device.Disk.SizeBytes;
        IoStatus first = await WritePairAsync(device, deviceBytes, buffer.First(usedBytes), 0);
        IoStatus second =
            first == IoStatus.Ok ? await WritePairAsync(device, deviceBytes, buffer.First(usedBytes),
                1) : first;
        buffer.Release();
        return second;
    }

    /// <summary>
    /// Zeroes everything that lies in or beyond the labels, with any old pool's or file system's traces
    /// there.
    /// </summary>
    public static async ValueTask<IoStatus> WipeAsync(PoolDevice device, BufferPool buffers)
    {
        IoBuffer? zeroes = buffers.TryRent(Layout.LabelBytes);
        if (zeroes is null) return IoStatus.NoMemory;
        zeroes.Span.Clear();
        long deviceBytes = device.Disk.SizeBytes;
        IoStatus result = IoStatus.Ok;
        for (int i = 0; i < Layout.LabelCount && result == IoStatus.Ok; i++)
        {
            long offsetBytes = LabelBlock.OffsetOf(deviceBytes, i);
            result = await device.WriteAsync(offsetBytes, zeroes.First(Layout.LabelBytes));
        }

        long tailBytes = deviceBytes - LabelBlock.UsableBytes(deviceBytes);
        if (result == IoStatus.Ok && tailBytes > 0)
            result = await device.WriteAsync(deviceBytes - tailBytes, zeroes.First((int)tailBytes));
        if (result == IoStatus.Ok) result = await device.FlushAsync();
        zeroes.Release();
        return result;
    }

    private static LabelFinding Judge(int index, IoSlice block)
    {
        LabelCondition condition = LabelBlock.Read(block.Span, out PoolLabel? label, out string reason);
        return new LabelFinding(index, condition, reason, label);
    }

    private static async ValueTask<IoStatus> WritePairAsync(
        PoolDevice device, long deviceBytes, IoSlice block, int phase)
    {
        ValueTask<IoStatus> front = device.WriteAsync(OffsetOf(deviceBytes, phase), block);
        ValueTask<IoStatus> back = device.WriteAsync(OffsetOf(deviceBytes, phase + 2), block);
        IoStatus frontStatus = await front;
        IoStatus backStatus = await back;
        if (frontStatus != IoStatus.Ok && backStatus != IoStatus.Ok) return frontStatus;
        return await device.FlushAsync();
    }

    private static long OffsetOf(long deviceBytes, int label) =>
        LabelBlock.OffsetOf(deviceBytes, label) + Layout.LabelConfigOffset;
}
