using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;

namespace Cstor.Tests.Simulation.Pools;

/// <summary>The vdevs of a pool under test, over disks <c>/dev/sda</c>, <c>/dev/sdb</c> and so on.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Vdevs">Disks of each vdev.</param>
internal sealed record PoolShape(string Name, IReadOnlyList<int> Vdevs)
{
    public static readonly PoolShape Single = new("single", [1]);

    public static readonly PoolShape Stripe = new("stripe", [1, 1]);

    public static readonly PoolShape Mirror = new("mirror", [2]);

    public static readonly PoolShape StripeOfMirrors = new("mirrors", [2, 2]);

    public static readonly IReadOnlyList<PoolShape> All = [Single, Stripe, Mirror, StripeOfMirrors];

    public int DiskCount => Vdevs.Sum();

    /// <summary>Whether any one disk may fail.</summary>
    public bool IsRedundant => Vdevs.All(disks => disks > 1);

    public static string PathOf(int disk) => "/dev/sd" + (char)('a' + disk);

    /// <summary>As the operator would name them.</summary>
    public IReadOnlyList<VdevSpec> Specs()
    {
        List<VdevSpec> specs = [];
        int disk = 0;
        foreach (int count in Vdevs)
        {
            string[] paths = [.. Enumerable.Range(disk, count).Select(PathOf)];
            specs.Add(new VdevSpec(count == 1 ? VdevKind.Disk : VdevKind.Mirror, paths));
            disk += count;
        }

        return specs;
    }
}
