using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Daemon.State;
using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Service;

/// <summary>What is said about pools.</summary>
internal static class PoolTexts
{
    public static Fault NoSuchPool(string name) => new(
        "no-such-pool",
        $"there is no pool '{name}'",
        "See: cstor pool list, or cstor pool import for those not open");

    public static ActionReport Done(string summary, params string[] details) =>
        new(false, [summary, .. details]);

    public static Fault WouldShrink(string volume, long fromBytes, long toBytes) => new(
        "volume-shrink",
        $"{volume} would shrink from {ByteSize.Format(fromBytes)} to {ByteSize.Format(toBytes)}; "
            + "what lies behind the new end would be lost",
        "Shrink the file system first, then insist with -f");

    public static ActionReport Would(string summary, params string[] details) =>
        new(true, [summary, .. details]);

    public static string Count(int count, string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    /// <summary>What would be lost with a pool.</summary>
    public static string Contents(Pool pool) =>
        $"{Count(pool.Volumes.Count, "volume")}, {ByteSize.Format(pool.Status().AllocatedBytes)} allocated";

    public static ActionReport Planned(string name, CreationPlan plan) =>
        Would($"would create pool {name} of {ByteSize.Format(plan.SizeBytes)}", PlanLines(plan));

    /// <summary>Vdevs and notes of a plan, indented.</summary>
    public static string[] PlanLines(CreationPlan plan)
    {
        List<string> lines = [];
        foreach (VdevConfig vdev in plan.Vdevs)
        {
            string devices = string.Join(' ', vdev.Disks.Select(disk => disk.Path));
            string role = vdev.Role == VdevRole.Data ? "" : LabelText.NameOf(vdev.Role) + " ";
            lines.Add($"  {role}{LabelText.NameOf(vdev.Kind)}: {devices} ({Size(vdev.SizeSectors)})");
        }
        lines.AddRange(plan.Notes.Select(note => "  note: " + note));
        return [.. lines];
    }

    /// <summary>What an operator should know of a pool whose devices have just changed.</summary>
    public static IEnumerable<string> Aftermath(PoolStatus? pool)
    {
        if (pool is null) yield break;
        if (pool.Health != "online") yield return $"pool {pool.Name} is {pool.Health}: {pool.Reason}";
        if (pool.Scan is { Kind: "resilver", State: "running" })
        {
            yield return $"a resilver is running; see it with: cstor pool status {pool.Name}, "
                + $"or wait for it: cstor pool wait {pool.Name}";
        }
    }

    /// <summary>Why a pool that was just opened is not whole, and which devices it is without.</summary>
    public static IEnumerable<string> Gone(PoolStatus pool)
    {
        if (pool.Health == "online") yield break;
        yield return $"  {pool.Health}: {pool.Reason}";
        foreach (VdevStatus device in MemberPaths.Leaves(pool.Vdevs))
        {
            if (device.State is "online" or "available" or "in use") continue;
            string name = device.Path.Length == 0 ? "device" : device.Path;
            string note = device.Note.Length == 0 ? "" : ", " + device.Note;
            yield return $"  {name} (guid {device.Guid}): {device.State}{note}";
        }
    }

    /// <summary>What an operator should know of a pool that went back to an older root.</summary>
    public static IEnumerable<string> WentBack(ImportPoolRequest request, string name)
    {
        if (request.Checkpoint == 0) yield break;
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"  as it was at checkpoint {request.Checkpoint}, without the commit log that followed");
        if (!request.ReadOnly) yield return $"  see that it is whole: cstor pool scrub {name}";
    }

    public static CheckView Checked(string name, CheckReport report, params string[] notes) => new(
        name,
        report.Blocks,
        report.Sectors * Layout.SectorBytes,
        report.ProblemCount,
        [.. report.Problems],
        notes);

    public static CandidateView Describe(ImportCandidate pool, HostIdentity host)
    {
        Fault? obstacle = pool.Obstacle(host, readOnly: false, force: false);
        string state = obstacle is not null ? obstacle.Code
            : pool.Missing.Any() ? "degraded" : "ready";
        return new CandidateView(
            pool.Name,
            pool.Guid,
            state,
            obstacle?.ToString() ?? "",
            pool.Label.HostName,
            pool.State == PoolState.Exported,
            PathsOf(pool),
            [.. pool.Missing.Select(
                disk => new MissingDeviceView(disk.Config.Guid, disk.Config.Path, disk.Position))]);
    }

    public static string[] PathsOf(ImportCandidate pool) =>
        [.. pool.Devices.Select(disk => disk.Device?.Path).OfType<string>()];

    /// <summary>A pool that should be open and is not.</summary>
    public static PoolStatus Unavailable(KnownPool pool, Fault reason) =>
        new(
            pool.Name, pool.Guid, "unavailable", reason.ToString(), 0, 0, 0, DataStatus.None, 0, 0, 0, [], [],
            null, null);

    private static string Size(long sectors) => ByteSize.Format(sectors * Layout.SectorBytes);
}
