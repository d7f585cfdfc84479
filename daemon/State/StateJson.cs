using System.Text.Json.Serialization;

namespace Cstor.Daemon.State;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(KnownPoolsFile))]
[JsonSerializable(typeof(KnownPeersFile))]
internal sealed partial class StateJson : JsonSerializerContext
{
}
