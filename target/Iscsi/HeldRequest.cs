using Cstor.Engine.Host;

namespace Cstor.Target.Iscsi;

/// <summary>A request that came ahead of its turn by CmdSN.</summary>
internal sealed record HeldRequest(
    uint CmdSn, byte[] Header, IscsiTask? Task, IoBuffer? Payload, int PayloadBytes);
