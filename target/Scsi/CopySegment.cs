namespace Cstor.Target.Scsi;

/// <summary>A stretch to be copied from one unit to another, or within one.</summary>
internal readonly record struct CopySegment(
    LogicalUnit Source, LogicalUnit Destination, long SourceBytes, long DestinationBytes, long LengthBytes);
