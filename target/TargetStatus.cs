namespace Cstor.Target;

/// <summary>A target and who uses it, for <c>cstor target list</c>.</summary>
/// <param name="Iqn">iSCSI name.</param>
/// <param name="VolumeName">Pool and volume.</param>
/// <param name="SizeBytes">Size of the volume.</param>
/// <param name="LogicalBlockBytes">Logical block size.</param>
/// <param name="Logins">Sessions begun since the target was added.</param>
/// <param name="LoginFailures">Logins refused since: not allowed, or without the right proof.</param>
/// <param name="Counters">What all its sessions did since, ended ones included.</param>
/// <param name="Unit">What its logical unit did since.</param>
/// <param name="Sessions">Sessions in full-feature phase.</param>
public sealed record TargetStatus(
    string Iqn,
    string VolumeName,
    long SizeBytes,
    int LogicalBlockBytes,
    long Logins,
    long LoginFailures,
    IoCounters Counters,
    UnitCounters Unit,
    IReadOnlyList<SessionStatus> Sessions);

/// <summary>READs and WRITEs of a logical unit since its target was added.</summary>
/// <param name="Lun">Its number.</param>
/// <param name="ReadCommands">READ commands.</param>
/// <param name="WriteCommands">WRITE commands.</param>
/// <param name="ReadBytes">Bytes they read.</param>
/// <param name="WrittenBytes">Bytes they wrote.</param>
public sealed record UnitCounters(
    int Lun, long ReadCommands, long WriteCommands, long ReadBytes, long WrittenBytes);

/// <summary>A session: who, from where, what was agreed, and what it did.</summary>
/// <param name="InitiatorName">iSCSI name of the initiator.</param>
/// <param name="Address">Its address and port.</param>
/// <param name="Portal">Address and port at which it reached us.</param>
/// <param name="PortalGroupTag">Portal group of that portal.</param>
/// <param name="Isid">Initiator part of the session identifier.</param>
/// <param name="Tsih">Target part of it.</param>
/// <param name="HeaderDigest">CRC32C on headers.</param>
/// <param name="DataDigest">CRC32C on data.</param>
/// <param name="MaxSendDataSegmentLength">Longest data segment the initiator takes, bytes.</param>
/// <param name="FirstBurstLength">Unsolicited data per command, bytes.</param>
/// <param name="MaxBurstLength">Data per burst, bytes.</param>
/// <param name="CommandsUnderWay">Commands not yet answered.</param>
/// <param name="Counters">What it did so far.</param>
public sealed record SessionStatus(
    string InitiatorName,
    string Address,
    string Portal,
    int PortalGroupTag,
    string Isid,
    int Tsih,
    bool HeaderDigest,
    bool DataDigest,
    int MaxSendDataSegmentLength,
    int FirstBurstLength,
    int MaxBurstLength,
    int CommandsUnderWay,
    IoCounters Counters);
