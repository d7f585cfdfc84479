using System.Text.Json.Serialization;

namespace Cstor.Daemon.Replicas;

/// <summary>How nodes write to each other. What is not known is skipped, so that a newer one may say more.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PeerRequest))]
[JsonSerializable(typeof(PeerReply))]
internal sealed partial class PeerJson : JsonSerializerContext
{
}
