using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>Adjoining blocks that are read ahead, or were.</summary>
internal sealed class AheadChunk(ReadAhead owner, int maximumBlocks) : PendingIo
{
    /// <summary>Of the volume; as much memory at the most.</summary>
    public const int Bytes = 128 * 1024;

    private readonly List<(ReadPlan Plan, int Index)> _waiters = new(16);
    private uint _present;
    private uint _used;
    private bool _isLetGo;

    /// <summary>Which chunk of the volume it is.</summary>
    public ulong Number { get; set; }

    /// <summary>The blocks, their pointers, and the reads.</summary>
    public ReadPlan Plan { get; } = new(maximumBlocks) { IsAhead = true };

    /// <summary>Null where every block is a hole or cached.</summary>
    public IoBuffer? Buffer { get; set; }

    public bool IsUnderWay { get; private set; }

    /// <summary>The reader came before it was there.</summary>
    public bool IsLate { get; set; }

    public bool Covers(ulong block) =>
        block >= Plan.FirstBlock && block < Plan.FirstBlock + (ulong)Plan.Count;

    /// <summary>Reads what is not in memory already.</summary>
    public void Fetch(VolumeReader reader, ulong first, int count, int blockShift)
    {
        Check.That(count <= maximumBlocks && Buffer is null);
        Plan.FirstBlock = first;
        Plan.Count = count;
        Plan.BlockShift = blockShift;
        _present = 0;
        _used = 0;
        _isLetGo = false;
        IsLate = false;
        IsUnderWay = true;
        Watch(reader.FetchAsync(this));
    }

    /// <summary>Serves a block of a request when it has come.</summary>
    public void AddWaiter(ReadPlan plan, int index)
    {
        plan.AddPart();
        _waiters.Add((plan, index));
    }

    /// <summary>Copies a block out, if it is here and still what the request wants.</summary>
    public bool TryCopy(ReadPlan plan, int index)
    {
        int mine = (int)(plan.FirstBlock + (ulong)index - Plan.FirstBlock);
        uint bit = 1u << mine;
        if ((_present & bit) == 0 || Plan.Pointers[mine] != plan.Pointers[index]) return false;
        Plan.BlockSlice(mine).Span.CopyTo(plan.BlockSlice(index).Span);
        bool isFirstUse = (_used & bit) == 0;
        _used |= bit;
        int bytes = (int)uint.PopCount(_present) << Plan.BlockShift;
        bool wasCheap = bytes >= Plan.ReadCount * ReadPlan.CheapReadBytes;
        owner.OnUsed(plan, index, wasCheap, isFirstUse);
        return true;
    }

    /// <summary>It is of no more use; one that is under way goes when it has ended.</summary>
    public void LetGo()
    {
        _isLetGo = true;
        if (!IsUnderWay) Recycle();
    }

    protected override void OnCompleted(IoStatus status)
    {
        if (status == IoStatus.Ok && Buffer is not null)
        {
            for (int i = 0; i < Plan.Count; i++)
                if (!Plan.IsServed[i])
                    _present |= 1u << i;
            foreach (int failed in Plan.Failed) _present &= ~(1u << failed);
        }

        owner.OnFetched((int)uint.PopCount(_present));
        // Whoever is served goes on at once, and may come back for more, or let this chunk go.
        for (int i = 0; i < _waiters.Count; i++)
        {
            (ReadPlan plan, int index) = _waiters[i];
            if (!TryCopy(plan, index)) plan.Failed.Add(index);
            plan.EndedNanoseconds = 0;
            plan.EndPart();
        }

        _waiters.Clear();
        IsUnderWay = false;
        if (_isLetGo) Recycle();
    }

    private void Recycle()
    {
        Buffer?.Release();
        Buffer = null;
        owner.Recycle(this);
    }
}
