namespace Cstor.Target;

/// <summary>A target and who uses it, for <c>cstor target list</c>.</summary>
/// <param name="Iqn">iSCSI name.</param>
/// <param name="VolumeName">Pool and volume.</param>
/// <param name="SizeBytes">Size of the volume.</param>
/// <param name="LogicalBlockBytes">Logical block size.</param>
/// <param name="ReadCommands">READs since the target was added.</param>
/// <param name="WriteCommands">WRITEs since the target was added.</param>
/// <param name="ReadBytes">Bytes they read.</param>
/// <param name="WrittenBytes">Bytes they wrote.</param>
/// <param name="Sessions">Sessions in full-feature phase.</param>
public sealed record TargetStatus(
    string Iqn, string VolumeName, long SizeBytes, int LogicalBlockBytes, long ReadCommands,
        long WriteCommands,
    long ReadBytes, long WrittenBytes, IReadOnlyList<SessionStatus> Sessions);

/// <summary>A session: who, from where, what was agreed, and what it did.</summary>
/// <param name="InitiatorName">iSCSI name of the initiator.</param>
/// <param name="Address">Its address and port.</param>
/// <param name="Isid">Initiator part of the session identifier.</param>
/// <param name="Tsih">Target part of it.</param>
/// <param name="HeaderDigest">CRC32C on headers.</param>
/// <param name="DataDigest">CRC32C on data.</param>
/// <param name="MaxSendDataSegmentLength">Longest data segment the initiator takes, bytes.</param>
/// <param name="FirstBurstLength">Unsolicited data per command, bytes.</param>
/// <param name="MaxBurstLength">Data per burst, bytes.</param>
/// <param name="Commands">SCSI commands so far.</param>
/// <param name="CommandsUnderWay">Of them not yet answered.</param>
/// <param name="ReadBytes">Bytes sent to the initiator.</param>
/// <param name="WrittenBytes">Bytes taken from it.</param>
/// <param name="Rejects">PDUs rejected.</param>
public sealed record SessionStatus(
    string InitiatorName, string Address, string Isid, int Tsih, bool HeaderDigest, bool DataDigest,
    int MaxSendDataSegmentLength, int FirstBurstLength, int MaxBurstLength, long Commands,
        int CommandsUnderWay,
    long ReadBytes, long WrittenBytes, long Rejects);
