using System.Runtime.InteropServices;
using System.Text;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// A volume, named by the header's slot, was snapshotted. Snapshots of several volumes at one instant lie in
/// one group that holds nothing else.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public unsafe struct LogSnapshotRecord
{
    public const int Bytes = LogRecordHeader.Bytes + 40 + DatasetRecord.NameMaximumBytes + 1;

    [FieldOffset(0)] public LogRecordHeader Header;

    /// <summary>Slot that the snapshot took.</summary>
    [FieldOffset(8)] public uint SnapshotSlot;

    [FieldOffset(12)] public uint NameBytes;

    /// <summary>Last epoch whose blocks the snapshot may hold.</summary>
    [FieldOffset(16)] public ulong Epoch;

    [FieldOffset(24)] public long CreatedUnixNanoseconds;

    [FieldOffset(32)] public Guid Id;

    [FieldOffset(48)] private fixed byte _name[DatasetRecord.NameMaximumBytes + 1];

    /// <summary>UTF-8, 1 to 255 bytes.</summary>
    public string Name
    {
        readonly get
        {
            int length = Math.Min((int)NameBytes, DatasetRecord.NameMaximumBytes);
            fixed (byte* name = _name) return Encoding.UTF8.GetString(name, length);
        }

        set
        {
            int length = Encoding.UTF8.GetByteCount(value);
            Check.That(length is > 0 and <= DatasetRecord.NameMaximumBytes);
            fixed (byte* name = _name)
            {
                Span<byte> bytes = new(name, DatasetRecord.NameMaximumBytes + 1);
                bytes.Clear();
                Encoding.UTF8.GetBytes(value, bytes);
            }

            NameBytes = (uint)length;
        }
    }

    /// <summary>Reason why the record makes no sense, or null.</summary>
    public readonly string? Validate()
    {
        if (NameBytes is 0 or > DatasetRecord.NameMaximumBytes) return $"snapshot name of {NameBytes} bytes";
        return Epoch == 0 ? "snapshot without an epoch" : null;
    }
}
