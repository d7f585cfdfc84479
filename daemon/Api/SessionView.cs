using Cstor.Target;

namespace Cstor.Daemon.Api;

/// <param name="Initiator">iSCSI name of the initiator.</param>
/// <param name="Address">Where it comes from.</param>
/// <param name="Portal">Where it reached us.</param>
/// <param name="PortalGroupTag">Portal group of that portal.</param>
/// <param name="Isid">Initiator part of the session identifier.</param>
/// <param name="Tsih">Target part of it.</param>
/// <param name="HeaderDigest">CRC32C on headers.</param>
/// <param name="DataDigest">CRC32C on data.</param>
/// <param name="CommandsUnderWay">Commands not yet answered.</param>
/// <param name="Counters">What it did so far.</param>
internal sealed record SessionView(
    string Initiator,
    string Address,
    string Portal,
    int PortalGroupTag,
    string Isid,
    int Tsih,
    bool HeaderDigest,
    bool DataDigest,
    int CommandsUnderWay,
    IoCounters Counters);
