using System.Text.Json.Serialization;

namespace Cstor.Daemon.Api;

/// <summary>
/// How requests are read: strictly, so that a misspelt option never does half of what was meant.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CreatePoolRequest))]
[JsonSerializable(typeof(ImportPoolRequest))]
[JsonSerializable(typeof(ChangeRequest))]
[JsonSerializable(typeof(AddVdevsRequest))]
[JsonSerializable(typeof(DeviceRequest))]
[JsonSerializable(typeof(AttachDeviceRequest))]
[JsonSerializable(typeof(ReplaceDeviceRequest))]
[JsonSerializable(typeof(ClearRequest))]
[JsonSerializable(typeof(ScrubRequest))]
[JsonSerializable(typeof(CreateVolumeRequest))]
[JsonSerializable(typeof(ResizeVolumeRequest))]
[JsonSerializable(typeof(SetPropertiesRequest))]
[JsonSerializable(typeof(DestroyVolumeRequest))]
[JsonSerializable(typeof(RenameVolumeRequest))]
[JsonSerializable(typeof(PromoteRequest))]
[JsonSerializable(typeof(RollbackRequest))]
[JsonSerializable(typeof(CreateSnapshotsRequest))]
[JsonSerializable(typeof(DestroySnapshotsRequest))]
[JsonSerializable(typeof(RenameSnapshotRequest))]
[JsonSerializable(typeof(HoldRequest))]
[JsonSerializable(typeof(CloneRequest))]
[JsonSerializable(typeof(PortalRequest))]
[JsonSerializable(typeof(PeerChangeRequest))]
[JsonSerializable(typeof(ReplicaChangeRequest))]
internal sealed partial class RequestJson : JsonSerializerContext
{
}
