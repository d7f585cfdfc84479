namespace Cstor.Daemon.Api;

/// <summary>A top-level vdev as typed.</summary>
/// <param name="Kind"><c>disk</c>, <c>mirror</c>, <c>raidz1</c>, <c>raidz2</c> or <c>raidz3</c>.</param>
/// <param name="Devices">Absolute paths: one for a disk, two or more for a mirror, more than the parity for
/// raidz.</param>
/// <param name="Role"><c>data</c>, <c>log</c> or <c>spare</c>.</param>
internal sealed record VdevRequest(string Kind, string[] Devices, string Role = VdevRequest.Data)
{
    public const string Data = "data";
    public const string Log = "log";
    public const string Spare = "spare";
}
