using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Log;

/// <summary>One copy of a sealed group on its way to the device.</summary>
internal sealed class GroupWrite(CommitLog owner) : PendingIo
{
    private IoBuffer _group = null!;

    public ulong Sequence { get; private set; }

    /// <summary>Vdev it goes to.</summary>
    public int Vdev { get; private set; }

    /// <summary>How often that had been lost before.</summary>
    public int Losses { get; private set; }

    /// <summary>Starts the write; holds the group's buffer until it ends.</summary>
    public void Start(PoolDevices devices, IoBuffer group, int lengthBytes, ulong sequence, BlockPlace place)
    {
        _group = group;
        Sequence = sequence;
        Vdev = place.Vdev;
        Losses = devices.Losses(place.Vdev);
        group.Retain();
        Watch(devices.WriteAsync(place, group.First(lengthBytes)));
    }

    protected override void OnCompleted(IoStatus status)
    {
        _group.Release();
        _group = null!;
        owner.GroupEnded(this, status);
    }
}
