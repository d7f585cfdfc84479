using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cstor.Daemon.Explain;
using Cstor.Engine.Pools;
using Cstor.Engine.Rewind;

namespace Cstor.Daemon.Api;

/// <summary>
/// How replies are written and read. Readers skip what they do not know, so that a newer daemon may say more.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(HealthView))]
[JsonSerializable(typeof(ActionReport))]
[JsonSerializable(typeof(ImportScanView))]
[JsonSerializable(typeof(RewindPlan))]
[JsonSerializable(typeof(CheckView))]
[JsonSerializable(typeof(PoolStatus))]
[JsonSerializable(typeof(PoolStatus[]))]
[JsonSerializable(typeof(VolumeView))]
[JsonSerializable(typeof(VolumeView[]))]
[JsonSerializable(typeof(PropertyView[]))]
[JsonSerializable(typeof(SnapshotStatus))]
[JsonSerializable(typeof(SnapshotStatus[]))]
[JsonSerializable(typeof(HoldView[]))]
[JsonSerializable(typeof(TargetView[]))]
[JsonSerializable(typeof(DiskView[]))]
[JsonSerializable(typeof(PeerView[]))]
[JsonSerializable(typeof(ReplicationView))]
[JsonSerializable(typeof(JobView[]))]
[JsonSerializable(typeof(StatisticsView))]
[JsonSerializable(typeof(VolumeExplanation))]
[JsonSerializable(typeof(HistoryEntry))]
[JsonSerializable(typeof(HistoryEntry[]))]
[JsonSerializable(typeof(EventEntry))]
[JsonSerializable(typeof(EventEntry[]))]
internal sealed partial class ReplyJson : JsonSerializerContext
{
    /// <summary>The same with line breaks, for <c>--json</c> on a terminal.</summary>
    public static readonly ReplyJson Indented = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
