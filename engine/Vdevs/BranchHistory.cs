// Tells a device that was merely away from one that was used meanwhile. Labels carry a branch, a random
// number, and those before it. It is drawn anew in the first label that leaves out a device which the label
// before counted as in use, whoever left and why. That makes it exact, without a guess from who holds what:
//
// - Whoever goes on alone leaves the others out, and says so in the labels before anything else changes. So
//   two sides that were each used without the other each have a branch that the other has never seen.
// - A device that was left out, or missed the last labels of a crashed host, keeps a branch that those which
//   went on have in their past.
//
// The numbering of generations cannot tell this: two sides count on from the same number, or, after a crash
// that one of them slept through, from different ones. A device away for longer than the labels remember is
// taken for one that was used, which asks the operator more than necessary, never less.
using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>The branches of an open pool, and when the next one begins.</summary>
internal sealed class BranchHistory
{
    private HashSet<Guid> _inUse;

    private BranchHistory(IReadOnlyList<ulong> newest, HashSet<Guid> inUse)
    {
        Newest = newest;
        _inUse = inUse;
    }

    /// <summary>As many as a label can have, to see whether it has room.</summary>
    public static IReadOnlyList<ulong> Longest { get; } =
        [.. Enumerable.Repeat(1UL, PoolLabel.MaximumBranches)];

    /// <summary>What the next label says, newest first.</summary>
    public IReadOnlyList<ulong> Newest { get; private set; }

    /// <summary>Of a new pool.</summary>
    public static BranchHistory Begin() => new([], []);

    /// <summary>Of a pool that goes on from a label.</summary>
    public static BranchHistory Of(PoolLabel label) => new(label.Branches, InUse(label.Disks));

    /// <summary>Whether a label's pool went on as the one with these branches, as far as it went.</summary>
    public static bool Includes(IReadOnlyList<ulong> branches, PoolLabel label) =>
        branches.Contains(label.Branches[0]);

    /// <summary>To be called before labels with this tree are written.</summary>
    public void Advance(IReadOnlyList<VdevConfig> vdevs, ILoop loop)
    {
        HashSet<Guid> before = _inUse;
        _inUse = InUse(vdevs.SelectMany(vdev => vdev.Disks));
        if (Newest.Count > 0 && before.IsSubsetOf(_inUse)) return;
        ulong branch = 0;
        while (branch == 0) loop.FillRandom(MemoryMarshal.AsBytes(new Span<ulong>(ref branch)));
        Newest = [branch, .. Newest.Take(PoolLabel.MaximumBranches - 1)];
    }

    private static HashSet<Guid> InUse(IEnumerable<VdevConfig> disks) =>
        [.. disks.Where(disk => disk.State == VdevState.Online).Select(disk => disk.Guid)];
}
