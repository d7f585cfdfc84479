using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>Who is told what comes from peers.</summary>
internal interface IFrameHandler
{
    /// <summary>A frame came; the payload is valid until this returns.</summary>
    void OnFrame(string peer, in Frame frame, IoSlice payload);

    /// <summary>A peer can be reached, or can be no more: what was on its way may be lost.</summary>
    void OnPeerChanged(string peer, bool isUp);
}
