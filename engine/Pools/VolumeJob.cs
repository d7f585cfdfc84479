using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Pools;

/// <summary>A volume as it was at the freeze, and what the checkpoint makes of it.</summary>
internal sealed class VolumeJob(Volume volume, DatasetRecord settings)
{
    public Volume Volume { get; } = volume;

    /// <summary>Settings at the freeze; tree and accounting are filled in by the checkpoint.</summary>
    public DatasetRecord Record = settings;

    public TreeRoot Root { get; set; } = volume.Root;
}
