using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Engine.Streams;

/// <summary>What of a pool a transfer works with.</summary>
internal sealed record StreamParts(
    PoolCore Pool, DatasetChanges Changes, VolumeCatalog Volumes, SnapshotCatalog Snapshots,
    CheckpointPacer? Pacer)
{
    /// <summary>Completes when a version's durable tree is all of it.</summary>
    public async ValueTask<IoStatus> SettleAsync(Dataset version)
    {
        while (version.Tree.Layers.Length > 0 || version is Volume { Pending.IsEmpty: false })
        {
            if (Pacer is null) return IoStatus.ReadOnly;
            IoStatus status = await Pacer.RequestAsync();
            if (status != IoStatus.Ok) return status;
        }

        return IoStatus.Ok;
    }

    /// <summary>Of a version that is settled.</summary>
    public ValueTask<(IoStatus Status, Hash128 Hash)> ContentHashAsync(Dataset version) =>
        TreeContent.HashAsync(Pool.Loop, Pool.Trees, version.Tree.Durable.Root, version.BlockCount);
}
