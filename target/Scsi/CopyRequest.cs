using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// The parameter list of EXTENDED COPY(LID1), SPC-4 §6.4.3: copy targets by identification descriptor (E4h),
/// and segments from block device to block device (02h). Everything is checked before anything is copied.
/// </summary>
internal sealed class CopyRequest
{
    public const int MaximumTargets = 16;
    public const int MaximumSegments = 64;
    public const int MaximumListBytes = MaximumTargets * TargetBytes + MaximumSegments * SegmentBytes;

    /// <summary>Most bytes of one segment, at 512 bytes a block.</summary>
    public const int MaximumSegmentBytes = 65535 * 512;

    public const byte IdentificationTarget = 0xe4;
    public const byte BlockToBlock = 0x02;

    private const int HeaderBytes = 16;
    private const int TargetBytes = 32;
    private const int SegmentBytes = 28;
    private const byte CountsDestinationBlocks = 0x02;

    private readonly List<LogicalUnit?> _targets = [];
    private readonly List<CopySegment> _segments = [];

    private CopyRequest()
    {
    }

    public byte ListId { get; private init; }

    /// <summary>The result is to be held until it is asked for.</summary>
    public bool HoldsResult { get; private init; }

    public IReadOnlyList<CopySegment> Segments => _segments;

    /// <summary>Reads the list; what it names is looked up for the task's initiator.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public static Sense? Read(ScsiTask task, out CopyRequest request)
    {
        ReadOnlySpan<byte> list = task.DataOutSpan;
        request = new CopyRequest();
        if (list.Length < HeaderBytes) return Sense.ParameterListLengthError;
        int targetBytes = BinaryPrimitives.ReadUInt16BigEndian(list[2..]);
        uint segmentBytes = BinaryPrimitives.ReadUInt32BigEndian(list[8..]);
        int usage = (list[1] >> 3) & 3;
        if (usage == 1 || (usage == 3 && list[0] != 0)) return Sense.InvalidFieldInParameters(1, 4);
        if (BinaryPrimitives.ReadUInt32BigEndian(list[12..]) != 0) return Sense.InvalidFieldInParameters(12);
        if (HeaderBytes + (long)targetBytes + segmentBytes > list.Length
            || (long)targetBytes + segmentBytes > MaximumListBytes) return Sense.ParameterListLengthError;
        request = new CopyRequest { ListId = list[0], HoldsResult = usage == 0 };
        ReadOnlySpan<byte> targets = list.Slice(HeaderBytes, targetBytes);
        return request.ReadTargets(task, targets)
            ?? request.ReadSegments(list.Slice(HeaderBytes + targetBytes, (int)segmentBytes));
    }

    private Sense? ReadTargets(ScsiTask task, ReadOnlySpan<byte> list)
    {
        for (int at = 0; at < list.Length; at += TargetBytes)
        {
            ReadOnlySpan<byte> target = list[at..];
            if (target[0] != IdentificationTarget) return Sense.UnsupportedCopyTarget;
            if (target.Length < TargetBytes) return Sense.ParameterListLengthError;
            if (_targets.Count == MaximumTargets) return Sense.TooManyCopyTargets;
            if ((target[1] & 0x1f) != 0) return Sense.InvalidFieldInParameters(HeaderBytes + at + 1);
            bool isKnown = UnitDesignator.TryRead(target[4..], out UnitDesignator designator);
            LogicalUnit? unit = !isKnown ? null
                : designator.Names(task.Unit!.Volume.Id) ? task.Unit
                : task.Unit.FindUnit(designator, task.Nexus.InitiatorName);
            int blockBytes = (target[29] << 16) | (target[30] << 8) | target[31];
            if (unit is not null && blockBytes != unit.BlockBytes)
                return Sense.InvalidFieldInParameters(HeaderBytes + at + 29);
            _targets.Add(unit);
        }

        return null;
    }

    private Sense? ReadSegments(ReadOnlySpan<byte> list)
    {
        for (int at = 0; at < list.Length; at += SegmentBytes)
        {
            ReadOnlySpan<byte> segment = list[at..];
            if (segment[0] != BlockToBlock) return Sense.UnsupportedCopySegment;
            if (segment.Length < SegmentBytes) return Sense.ParameterListLengthError;
            if (_segments.Count == MaximumSegments) return Sense.TooManyCopySegments;
            if (BinaryPrimitives.ReadUInt16BigEndian(segment[2..]) != SegmentBytes - 4)
                return Sense.InvalidFieldInParameters(HeaderBytes + at + 2);
            LogicalUnit? source = TargetAt(BinaryPrimitives.ReadUInt16BigEndian(segment[4..]));
            LogicalUnit? destination = TargetAt(BinaryPrimitives.ReadUInt16BigEndian(segment[6..]));
            if (source is null || destination is null) return Sense.CopyTargetUnreachable;
            Sense? wrong = Add(segment, source, destination);
            if (wrong is not null) return wrong;
        }

        return null;
    }

    private Sense? Add(ReadOnlySpan<byte> segment, LogicalUnit source, LogicalUnit destination)
    {
        bool countsDestination = (segment[1] & CountsDestinationBlocks) != 0;
        uint blocks = BinaryPrimitives.ReadUInt16BigEndian(segment[10..]);
        ulong from = BinaryPrimitives.ReadUInt64BigEndian(segment[12..]);
        ulong to = BinaryPrimitives.ReadUInt64BigEndian(segment[20..]);
        long bytes = blocks * (long)(countsDestination ? destination : source).BlockBytes;
        if (bytes % source.BlockBytes != 0 || bytes % destination.BlockBytes != 0)
            return Sense.InexactCopySegment;
        if (!source.Contains(from, (ulong)(bytes / source.BlockBytes))
            || !destination.Contains(to, (ulong)(bytes / destination.BlockBytes))) return Sense.CopyAborted;
        _segments.Add(new CopySegment(
            source, destination, (long)from * source.BlockBytes, (long)to * destination.BlockBytes, bytes));
        return null;
    }

    private LogicalUnit? TargetAt(int index) => index < _targets.Count ? _targets[index] : null;
}
