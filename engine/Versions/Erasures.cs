using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;

namespace Cstor.Engine.Versions;

/// <summary>
/// Frees destroyed datasets, a bounded amount in each checkpoint, one after the other. All of it is part of
/// the checkpoint: what was freed, how far it is and who comes before whom change with the root or not at
/// all.
/// </summary>
internal sealed class Erasures(PoolCore pool)
{
    // What one checkpoint reads of the trees that go. Each node may free 256 blocks, whose entries the space
    // log and its memory then have.
    private const int NodesPerCheckpoint = 1024;

    // Of what is sure to be free for metadata, a node less for each of so many sectors: its entries take two.
    private const int RoomShare = 16;

    // Each takes two records of the dataset table.
    private const int DatasetsPerCheckpoint = 32;

    private readonly List<Erasure> _planned = [];

    /// <summary>Something waits to be erased that could be.</summary>
    public bool IsPending => Ready(1).Count > 0;

    /// <summary>Chooses what this checkpoint erases; the jobs of all that it touches are added.</summary>
    public void Plan(List<DatasetJob> jobs)
    {
        _planned.Clear();
        List<Dataset> ready = Ready(DatasetsPerCheckpoint);
        if (ready.Count == 0) return;
        Dictionary<Dataset, DatasetJob> known = [];
        foreach (DatasetJob job in jobs) known.Add(job.Dataset, job);
        foreach (Dataset dataset in ready)
        {
            Dataset? next = dataset is Snapshot snapshot ? SuccessorOf(snapshot) : null;
            _planned.Add(new Erasure(JobOf(dataset), next is null ? null : JobOf(next)));
        }

        DatasetJob JobOf(Dataset dataset)
        {
            if (known.TryGetValue(dataset, out DatasetJob? job)) return job;
            job = new DatasetJob(dataset);
            known.Add(dataset, job);
            jobs.Add(job);
            return job;
        }
    }

    /// <summary>Erases in the trees that the checkpoint has written so far.</summary>
    public async ValueTask<IoStatus> RunAsync(ulong epoch)
    {
        if (_planned.Count == 0) return IoStatus.Ok;
        TreeErasure erasure = new(pool.Loop, pool.Trees, pool.Metadata, pool.Ledger)
        {
            NodesLeft = (int)Math.Clamp(
                pool.Allocator.RoomForMetadataSectors / RoomShare, 1, NodesPerCheckpoint),
        };
        foreach (Erasure planned in _planned)
        {
            if (erasure.NodesLeft <= 0) break;
            await RunAsync(erasure, planned, epoch);
            if (erasure.Status != IoStatus.Ok) return erasure.Status;
        }

        return IoStatus.Ok;
    }

    /// <summary>The root is durable.</summary>
    public void Publish()
    {
        foreach (Erasure planned in _planned)
        {
            Dataset dataset = planned.Job.Dataset;
            if (!planned.HasRun) continue;
            dataset.Tree.Replace(planned.Job.State);
            dataset.Record.DroppedSectors -= planned.FreedSectors;
            dataset.Record.ErasedBlocks = planned.Job.Record.ErasedBlocks;
            if (planned.Job.IsRemoved) Remove(dataset);
        }

        _planned.Clear();
    }

    /// <summary>The one version whose predecessor a snapshot is; null if there is none.</summary>
    private Dataset? SuccessorOf(Snapshot snapshot)
    {
        foreach (Dataset? other in pool.Slots)
            if (other is not null && other.Previous == snapshot)
                return other;
        return null;
    }

    // Destroyed datasets that nobody needs any more, one that has begun first: no two neighbours are erased
    // in part. A volume outlives its snapshots, and a snapshot all but one of those behind it.
    private List<Dataset> Ready(int most)
    {
        List<Dataset> ready = [];
        Dictionary<Dataset, int> needs = [];
        foreach (Dataset? dataset in pool.Slots)
            if (dataset is { Record.IsDestroying: true })
                needs.Add(
                    dataset, dataset is Volume { RequestsUnderWay: > 0 } or Snapshot { Users: > 0 } ? 2 : 0);
        if (needs.Count == 0) return ready;
        foreach (Dataset? other in pool.Slots)
        {
            if (other is null) continue;
            if (other.Previous is { } previous && needs.TryGetValue(previous, out int behind))
                needs[previous] = behind + 1;
            if (other is Snapshot && needs.TryGetValue(other.LineOwner, out int owned))
                needs[other.LineOwner] = owned + 2;
        }

        foreach ((Dataset dataset, int count) in needs)
        {
            if (count > 1) continue;
            if (dataset.Record.ErasedBlocks > 0) ready.Insert(0, dataset);
            else if (ready.Count < most) ready.Add(dataset);
        }

        return ready;
    }

    private async ValueTask RunAsync(TreeErasure erasure, Erasure planned, ulong epoch)
    {
        DatasetJob job = planned.Job;
        TreeRoot next = planned.Next?.State.Root ?? TreeRoot.Empty;
        TreeRoot left = await erasure.EraseAsync(job.State.Root, next, EpochOf(job.Record.Previous), epoch);
        planned.HasRun = true;
        if (erasure.LostNodes > 0)
            PoolLog.ErasedInPart(pool.Logger, job.Dataset.Name, erasure.LostNodes);
        planned.FreedSectors = erasure.FreedSectors;
        job.State = job.State with { Root = left };
        job.Record.DroppedSectors -= erasure.FreedSectors;
        job.Record.ErasedBlocks = erasure.StoppedAt ?? 0;
        if (erasure.StoppedAt is not null || erasure.Status != IoStatus.Ok) return;
        job.IsRemoved = true;
        if (planned.Next is { } heir)
        {
            heir.Record.Previous = job.Record.Previous;
            heir.Record.DroppedSectors += job.Record.DroppedSectors;
        }

        foreach (Erasure other in _planned)
            if (other.Next == job)
                other.Next = planned.Next;
    }

    private ulong EpochOf(uint previous) =>
        previous == 0 ? 0 : ((Snapshot)pool.Slots[(int)previous - 1]!).Epoch;

    private void Remove(Dataset dataset)
    {
        if (dataset is Snapshot snapshot && SuccessorOf(snapshot) is { } heir)
        {
            heir.Previous = snapshot.Previous;
            heir.Record.DroppedSectors += snapshot.Record.DroppedSectors;
        }

        pool.Slots[(int)dataset.Slot] = null;
        PoolLog.DatasetErased(pool.Logger, dataset.Name);
        dataset.Dispose();
    }

    private sealed class Erasure(DatasetJob job, DatasetJob? next)
    {
        public DatasetJob Job => job;

        /// <summary>The version behind it.</summary>
        public DatasetJob? Next { get; set; } = next;

        public bool HasRun { get; set; }

        public long FreedSectors { get; set; }
    }
}
