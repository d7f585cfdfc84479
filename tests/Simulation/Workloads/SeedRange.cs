using System.Globalization;

namespace Cstor.Tests.Simulation.Workloads;

/// <summary>
/// Which seeds a test runs. <c>CSTOR_SEED</c> replays one; <c>CSTOR_SEEDS</c> and <c>CSTOR_FIRST_SEED</c>
/// choose how many
/// and from where.
/// </summary>
internal static class SeedRange
{
    public static IEnumerable<ulong> Of(int countByDefault)
    {
        if (Number("CSTOR_SEED") is { } one) return [one];
        ulong first = Number("CSTOR_FIRST_SEED") ?? 1;
        ulong count = Number("CSTOR_SEEDS") ?? (ulong)countByDefault;
        return Enumerable.Range(0, (int)count).Select(i => first + (ulong)i);
    }

    /// <summary>A number from the environment, or null.</summary>
    public static ulong? Number(string name)
    {
        string? text = Environment.GetEnvironmentVariable(name);
        return ulong.TryParse(text, CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }
}
