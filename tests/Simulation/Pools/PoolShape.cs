using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Tests.Simulation.Pools;

/// <summary>The vdevs of a pool under test, over disks <c>/dev/sda</c>, <c>/dev/sdb</c> and so on.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Vdevs">Kind and disks of each vdev.</param>
/// <param name="LogDisks">Disks for the commit log alone, a mirror if there are several.</param>
internal sealed record PoolShape(
    string Name, IReadOnlyList<(VdevKind Kind, int Disks)> Vdevs, int LogDisks = 0)
{
    public static readonly PoolShape Single = new("single", [(VdevKind.Disk, 1)]);

    public static readonly PoolShape Stripe = new("stripe", [(VdevKind.Disk, 1), (VdevKind.Disk, 1)]);

    public static readonly PoolShape Mirror = new("mirror", [(VdevKind.Mirror, 2)]);

    public static readonly PoolShape StripeOfMirrors =
        new("mirrors", [(VdevKind.Mirror, 2), (VdevKind.Mirror, 2)]);

    public static readonly PoolShape WideMirror = new("mirror of 3", [(VdevKind.Mirror, 3)]);

    public static readonly PoolShape Raidz1 = new("raidz1", [(VdevKind.Raidz1, 3)]);

    public static readonly PoolShape Raidz2 = new("raidz2", [(VdevKind.Raidz2, 5)]);

    public static readonly PoolShape Raidz3 = new("raidz3", [(VdevKind.Raidz3, 6)]);

    public static readonly PoolShape Mixed = new("mixed", [(VdevKind.Raidz1, 4), (VdevKind.Mirror, 2)]);

    public static readonly IReadOnlyList<PoolShape> All =
    [
        Single, Stripe, Mirror, StripeOfMirrors, WideMirror, new("mirror of 4", [(VdevKind.Mirror, 4)]),
        Raidz1, Raidz2, Raidz3, Mixed, new("raidz1 of 2", [(VdevKind.Raidz1, 2)]),
        new("two raidz2", [(VdevKind.Raidz2, 4), (VdevKind.Raidz2, 4)]),
        new("single with log", [(VdevKind.Disk, 1)], LogDisks: 1),
        new("raidz1 with mirrored log", [(VdevKind.Raidz1, 3)], LogDisks: 2),
    ];

    public int DiskCount => Vdevs.Sum(vdev => vdev.Disks) + LogDisks;

    /// <summary>Whether any one disk may fail.</summary>
    public bool IsRedundant => Vdevs.All(vdev => vdev.Disks > 1) && LogDisks != 1;

    public static string PathOf(int disk) => "/dev/sd" + (char)('a' + disk);

    /// <summary>Disks of one vdev that may all fail at once, drawn at random.</summary>
    public IReadOnlyList<string> DrawVictims(SimulatedRandom random)
    {
        int vdev = random.Below(Vdevs.Count);
        int first = Vdevs.Take(vdev).Sum(before => before.Disks);
        (VdevKind kind, int disks) = Vdevs[vdev];
        int parity = VdevGeometry.ParityOf(kind);
        int most = parity == 0 ? disks - 1 : parity;
        List<int> candidates = [.. Enumerable.Range(first, disks)];
        List<string> victims = [];
        for (int count = random.Between(1, most); count > 0; count--)
        {
            int index = random.Below(candidates.Count);
            victims.Add(PathOf(candidates[index]));
            candidates.RemoveAt(index);
        }

        return victims;
    }

    /// <summary>As the operator would name them.</summary>
    public IReadOnlyList<VdevSpec> Specs()
    {
        List<VdevSpec> specs = [];
        int disk = 0;
        foreach ((VdevKind kind, int count) in Vdevs)
        {
            specs.Add(new VdevSpec(kind, [.. Enumerable.Range(disk, count).Select(PathOf)]));
            disk += count;
        }

        VdevKind log = LogDisks > 1 ? VdevKind.Mirror : VdevKind.Disk;
        if (LogDisks > 0)
            specs.Add(new VdevSpec(log, [.. Enumerable.Range(disk, LogDisks).Select(PathOf)], VdevRole.Log));
        return specs;
    }
}
