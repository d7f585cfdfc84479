// The devices of one top-level vdev, for looking. Blocks are put together by the vdev's geometry; what cannot
// be read, or makes the contents wrong, is computed from parity. It does without one more device than those
// that do not answer: enough to look at a pool that cannot be imported, and no substitute for an import.
using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Daemon.Debug;

/// <summary>One top-level vdev as far as its devices were named.</summary>
internal sealed class VdevImage
{
    private readonly VdevConfig _config;
    private readonly List<DeviceFile>[] _positions;

    public VdevImage(VdevConfig config)
    {
        _config = config;
        int parity = VdevGeometry.ParityOf(config.Kind);
        int width = parity == 0 ? 1 : config.Children.Count;
        VdevKind kind = parity == 0 ? VdevKind.Disk : config.Kind;
        Geometry = VdevGeometry.Create(kind, width, config.SizeSectors / width);
        _positions = [.. Enumerable.Range(0, width).Select(_ => new List<DeviceFile>())];
    }

    public VdevGeometry Geometry { get; }

    /// <summary>A position has several devices.</summary>
    public bool HasCopies => Array.Exists(_positions, static devices => devices.Count > 1);

    /// <summary>Takes the device, if it is one of this vdev's.</summary>
    public void Add(DeviceFile device, Guid guid)
    {
        for (int position = 0; position < _positions.Length; position++)
        {
            VdevConfig child = _positions.Length == 1 ? _config : _config.Children[position];
            if (child.Disks.Any(disk => disk.Guid == guid)) _positions[position].Add(device);
        }
    }

    /// <summary>A block's stored bytes that the check accepts.</summary>
    /// <param name="sector">Its first.</param>
    /// <param name="sectors">Sectors of data.</param>
    /// <param name="isRight">Whether bytes are the block's.</param>
    public Outcome<byte[]> Read(long sector, int sectors, Predicate<byte[]> isRight)
    {
        string where = $"{_config.Id}:{sector}";
        if (sector < 0 || sector > Geometry.SectorCount - Geometry.AllocatedSectors(sectors))
            return new Fault("place", $"{where}: {sectors} sectors lie beyond the end of the vdev");
        Column[] columns = new Column[Geometry.MaximumColumns];
        columns = columns[..Geometry.Plan(sector, sectors, columns)];
        int parity = columns.Count(column => column.Role == ColumnRole.Parity);
        Outcome<byte[]> whole = default;
        foreach (int copy in Enumerable.Range(0, _positions.Max(position => position.Count)))
        {
            byte[]?[] parts = [.. columns.Select(column => ReadColumn(column, copy))];
            whole = Assemble(where, columns, parts, parity, sectors, isRight);
            if (whole.IsOk) return whole;
        }

        return whole.Fault is null ? new Fault("vdev-absent", $"{where}: no device of it was named") : whole;
    }

    /// <summary>One sector as it lies, or null.</summary>
    public byte[]? ReadRaw(long sector)
    {
        if (sector < 0 || sector >= Geometry.SectorCount) return null;
        int width = Geometry.Width;
        Column column = new((int)(sector % width), sector / width, 1, 0, ColumnRole.Data);
        return ReadColumn(column, copy: 0);
    }

    // The part on one child; where a child has several devices, from the one of that number or its first.
    private byte[]? ReadColumn(Column column, int copy)
    {
        List<DeviceFile> devices = _positions[column.Child];
        if (devices.Count == 0) return null;
        DeviceFile device = devices[copy < devices.Count ? copy : 0];
        Outcome<byte[]> bytes = device.Read(
            Layout.DataStartBytes + (column.Sector << Layout.SectorShift),
            column.SectorCount << Layout.SectorShift);
        return bytes.IsOk ? bytes.Value : null;
    }

    private static Outcome<byte[]> Assemble(
        string where, Column[] columns, byte[]?[] parts, int parity, int sectors, Predicate<byte[]> isRight)
    {
        int dataColumns = columns.Length - parity;
        List<int> absent = [.. Enumerable.Range(0, dataColumns).Where(i => parts[parity + i] is null)];
        if (absent.Count > parts[..parity].Count(part => part is not null))
            return new Fault("unreadable", $"{where}: {absent.Count} parts of the block cannot be read");
        for (int wrong = -1; wrong < dataColumns; wrong++)
        {
            if (absent.Contains(wrong)) continue;
            int[] lost = [.. absent.Concat(wrong < 0 ? [] : [wrong]).Order()];
            for (uint used = 0; used < 1U << parity; used++)
            {
                int[] rows = [.. Enumerable.Range(0, parity).Where(row => (used >> row & 1) != 0)];
                if (rows.Length != lost.Length || Array.Exists(rows, row => parts[row] is null)) continue;
                byte[] block = Solve(columns, parts, parity, sectors, lost, rows);
                if (isRight(block)) return block;
            }
        }

        return new Fault("checksum", $"{where}: the checksum does not hold");
    }

    private static unsafe byte[] Solve(
        Column[] columns, byte[]?[] parts, int parity, int sectors, int[] lost, int[] rows)
    {
        byte[] block = GC.AllocateArray<byte>(sectors << Layout.SectorShift, pinned: true);
        ColumnBytes[] solved = new ColumnBytes[columns.Length];
        List<byte[]> pinned = [];
        for (int i = 0; i < columns.Length; i++)
        {
            int length = columns[i].SectorCount << Layout.SectorShift;
            bool isParity = i < parity;
            byte[] bytes = isParity ? GC.AllocateArray<byte>(length, pinned: true) : block;
            int at = isParity ? 0 : columns[i].Index << Layout.SectorShift;
            parts[i]?.CopyTo(bytes, at);
            pinned.Add(bytes);
            solved[i] = new ColumnBytes((nint)Unsafe.AsPointer(ref bytes[at]), length);
        }

        if (lost.Length > 0)
            RaidzParity.Reconstruct(solved.AsSpan(parity), solved.AsSpan(0, parity), lost, rows);
        GC.KeepAlive(pinned);
        return block;
    }
}
