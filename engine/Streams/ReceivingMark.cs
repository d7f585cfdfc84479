using System.Globalization;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Streams;

/// <summary>
/// A property of a volume that a stream is being received into: between which snapshots, and which block is
/// next. As text it is what <c>volume send --resume</c> takes. The volume is closed until the mark is gone,
/// which the snapshot that it leads to brings about.
/// </summary>
/// <param name="FromId">Snapshot that the volume was before, empty if it is new.</param>
/// <param name="ToId">Snapshot that it becomes.</param>
/// <param name="Block">All blocks before this one are there.</param>
internal readonly record struct ReceivingMark(Guid FromId, Guid ToId, ulong Block)
{
    public const string Property = "receiving";

    /// <summary>The mark of a volume, if it has one.</summary>
    public static ReceivingMark? Of(in DatasetRecord record)
    {
        if (record.PropertyBytes == 0) return null;
        foreach ((string name, string text) in VolumeProperties.Texts(record.Properties))
            if (name == Property)
                return Parse(text);
        return null;
    }

    /// <summary>
    /// The volume's snapshot of this identity is being made: if that is where the stream leads, it has come
    /// to its end.
    /// </summary>
    public static void EndBy(Volume volume, Guid snapshotId)
    {
        if (volume.Receiving?.ToId != snapshotId) return;
        DatasetRecord record = volume.Record;
        bool isRemoved = VolumeProperties.Set(ref record, Property, "") is null;
        Check.That(isRemoved);
        volume.ApplySettings(record);
    }

    /// <summary>Reads the text, which a person may have typed.</summary>
    public static ReceivingMark? Parse(string text)
    {
        string[] parts = text.Split('-');
        return parts.Length == 3
            && Guid.TryParseExact(parts[0], "N", out Guid from)
            && Guid.TryParseExact(parts[1], "N", out Guid to)
            && ulong.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out ulong block)
            && to != Guid.Empty && to != from
            ? new ReceivingMark(from, to, block)
            : null;
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{FromId:N}-{ToId:N}-{Block}");
}
