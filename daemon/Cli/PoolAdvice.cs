using Cstor.Engine.Pools;

namespace Cstor.Daemon.Cli;

/// <summary>What the state of a pool means to its operator, and what to do about it.</summary>
internal static class PoolAdvice
{
    /// <summary>One sentence, or nothing if all is well.</summary>
    public static string Meaning(PoolStatus pool) => pool.Health switch
    {
        "stopped" => "Its metadata could not be written, so it stopped. What was flushed is safe.",
        "readonly" when IsIncomplete(pool) =>
            "Nothing is written; what needs the missing devices cannot be read.",
        "readonly" => "Nothing is written; all data can be read.",
        "unavailable" => "It should be open and is not.",
        _ when pool.Scan is { LostBlocks: > 0 } =>
            "Some blocks are lost: nothing that is left gives them back.",
        "degraded" => "All data can be read and written, with less redundancy than the pool was made with.",
        _ when HasErrors(pool) => "Devices made errors; redundancy and retries made up for them.",
        _ => "",
    };

    /// <summary>
    /// Lines with the command to type, the most urgent first; one that begins with "or" is another way.
    /// </summary>
    public static IEnumerable<string> Actions(PoolStatus pool)
    {
        if (pool.Scan is { LostBlocks: > 0 })
        {
            yield return "restore what is named as damaged below: writing a block anew mends it";
            yield return $"then see that nothing is left: cstor pool scrub {pool.Name}";
        }
        switch (pool.Health)
        {
            case "stopped":
                yield return "see the daemon's log for the cause";
                yield return $"then: cstor pool export -f {pool.Name} && cstor pool import {pool.Name}";
                yield break;
            case "unavailable":
                yield return $"attach its devices and: cstor pool import {pool.Name}";
                yield return $"or give it up: cstor pool export {pool.Name}";
                yield break;
            case "readonly":
                yield return $"to write to it: cstor pool export {pool.Name} && cstor pool import {pool.Name}"
                    + (IsIncomplete(pool) ? ", once the missing devices are there" : "");
                yield break;
        }
        if (pool.Scan is { Kind: "resilver", State: "running" })
        {
            yield return $"wait for the resilver: cstor pool wait {pool.Name}";
        }
        foreach (VdevStatus vdev in pool.Vdevs)
        {
            foreach (string action in Of(pool.Name, vdev)) yield return action;
        }
        if (HasErrors(pool))
        {
            yield return "look at the devices with errors, their cables and SMART data";
            yield return $"then replace them, or forget it: cstor pool clear {pool.Name}";
        }
    }

    private static IEnumerable<string> Of(string pool, VdevStatus vdev)
    {
        // Who is being replaced needs no more advice; where a spare stands in, the choice is the operator's.
        if (vdev.Kind == "replacing") yield break;
        if (vdev is { Kind: "spare", Children.Count: > 0 })
        {
            VdevStatus old = vdev.Children[0];
            if (IsWell(old)) yield break;
            string name = VdevPrinter.NameOf(old);
            yield return $"a spare stands in for {name}: cstor pool replace {pool} {name} NEWDEV";
            yield return $"or keep the spare in its place: cstor pool detach {pool} {name}";
            yield break;
        }
        foreach (VdevStatus child in vdev.Children)
        {
            foreach (string action in Of(pool, child)) yield return action;
        }
        if (vdev.Children.Count > 0) yield break;
        foreach (string action in Device(pool, VdevPrinter.NameOf(vdev), vdev)) yield return action;
    }

    private static string[] Device(string pool, string name, VdevStatus device) => device.State switch
    {
        "missing" => [$"connect {name} again and: cstor pool online {pool} {name}", Replace(pool, name)],
        "faulted" => [
            $"if the cause is mended: cstor pool clear {pool} {name}", Replace(pool, name)],
        "offline" => [$"bring {name} back: cstor pool online {pool} {name}"],
        _ when device.Note.StartsWith("slow", StringComparison.Ordinal) =>
            [$"{name} answers slowly: see to it", Replace(pool, name)],
        _ => [],
    };

    private static string Replace(string pool, string name) =>
        $"or put in a new device: cstor pool replace {pool} {name} NEWDEV";

    private static bool HasErrors(PoolStatus pool) => Leaves(pool.Vdevs).Any(
        device => device.ReadErrors + device.WriteErrors + device.ChecksumErrors > 0);

    /// <summary>A whole vdev is gone: more of its devices than its redundancy makes up for.</summary>
    private static bool IsIncomplete(PoolStatus pool) =>
        pool.Vdevs.Any(vdev => vdev is { Role: "data", State: "missing" or "faulted" or "offline" });

    private static bool IsWell(VdevStatus device) => device.State is "online" or "available" or "in use";

    private static IEnumerable<VdevStatus> Leaves(IEnumerable<VdevStatus> vdevs) => vdevs.SelectMany(
        vdev => vdev.Children.Count == 0 ? [vdev] : Leaves(vdev.Children));
}
