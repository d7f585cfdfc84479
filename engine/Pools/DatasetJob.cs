using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Pools;

/// <summary>
/// A dataset as it was at the freeze, and what the checkpoint makes of it. The dataset itself goes on
/// changing meanwhile; none of that is in this root, all of it is in the log that the root names.
/// </summary>
internal sealed class DatasetJob
{
    public DatasetJob(Dataset dataset)
    {
        Dataset = dataset;
        Record = dataset.RecordNow();
        Layers = [.. dataset.Tree.Layers];
        State = dataset.Tree.Durable;
        foreach (Layer layer in Layers) layer.Freeze();
    }

    public Dataset Dataset { get; }

    /// <summary>For the dataset table; tree and accounting are completed by the checkpoint.</summary>
    public DatasetRecord Record;

    /// <summary>To be applied, oldest first.</summary>
    public Layer[] Layers { get; }

    /// <summary>The tree, as far as it is written.</summary>
    public TreeState State { get; set; }

    /// <summary>The slot is to be free.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Fills the tree into the record.</summary>
    public void Complete()
    {
        Record.Root = State.Root.Pointer;
        Record.Height = (byte)State.Root.Height;
        Record.AllocatedSectors = State.AllocatedSectors;
        Record.MappedBlocks = State.MappedBlocks;
        Record.StoredSectors = State.StoredSectors;
    }
}
