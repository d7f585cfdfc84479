namespace Cstor.Daemon.Api;

/// <param name="Path">Device node.</param>
/// <param name="SizeBytes">Capacity.</param>
/// <param name="Model">Vendor and model, or empty.</param>
/// <param name="Serial">Serial number, or another name of its own; or empty.</param>
/// <param name="LogicalSectorBytes">Smallest addressable unit.</param>
/// <param name="PhysicalSectorBytes">What is written atomically.</param>
/// <param name="IsRotational">A spinning disk.</param>
/// <param name="Pool">Open pool it belongs to, or empty.</param>
/// <param name="InUseBy">Why it may not be taken, or empty when it may.</param>
internal sealed record DiskView(
    string Path,
    long SizeBytes,
    string Model,
    string Serial,
    int LogicalSectorBytes,
    int PhysicalSectorBytes,
    bool IsRotational,
    string Pool,
    string InUseBy)
{
    /// <summary>World-wide name, or empty.</summary>
    public string Wwn { get; init; } = "";

    /// <summary>
    /// What is on it, so that it is taken only by force; empty where nothing is, or in use.
    /// </summary>
    public string Carries { get; init; } = "";
}
