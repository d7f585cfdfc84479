using System.Globalization;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;

namespace Cstor.Daemon.Service;

/// <summary>
/// Keeps a word forgotten in <c>pool add</c> from costing a pool its redundancy: a vdev that survives less
/// than those there are makes the whole pool survive less, and no vdev can be taken out again.
/// </summary>
internal static class RedundancyGuard
{
    /// <returns>Why the vdevs should not be added without force, or null.</returns>
    public static Fault? Check(PoolStatus pool, IReadOnlyList<VdevSpec> added)
    {
        int[] present = [.. pool.Vdevs.Where(vdev => vdev.Role == "data").Select(Survives)];
        if (present.Length == 0) return null;
        int least = present.Min();
        VdevSpec? weak = added.FirstOrDefault(
            vdev => vdev.Role == VdevRole.Data && Survives(vdev.Kind, vdev.Paths.Count) < least);
        if (weak is null) return null;
        int survives = Survives(weak.Kind, weak.Paths.Count);
        string devices = string.Join(' ', weak.Paths);
        string lost = survives == 0 ? "none" : Lost(survives);
        return new Fault(
            "redundancy-lower",
            $"pool {pool.Name} survives {Lost(least)} in every vdev, {LabelText.NameOf(weak.Kind)} "
                + $"{devices} would survive {lost}, and a vdev cannot be taken out again",
            "To widen a mirror use: cstor pool attach. Else add a like group, or insist with -f");
    }

    private static string Lost(int count) =>
        count == 1 ? "the loss of 1 device" : string.Create(
            CultureInfo.InvariantCulture, $"the loss of {count} devices");

    private static int Survives(VdevStatus vdev) => vdev.Kind switch
    {
        "mirror" => vdev.Children.Count - 1,
        "raidz1" => 1,
        "raidz2" => 2,
        "raidz3" => 3,
        _ => 0,
    };

    private static int Survives(VdevKind kind, int width) => kind switch
    {
        VdevKind.Mirror => width - 1,
        VdevKind.Raidz1 => 1,
        VdevKind.Raidz2 => 2,
        VdevKind.Raidz3 => 3,
        _ => 0,
    };
}
