namespace Cstor.Engine.Pools;

/// <summary>A vdev in <c>pool status</c>, with its children.</summary>
/// <param name="Kind"><c>disk</c>, <c>mirror</c>, <c>raidz1</c> to <c>raidz3</c>, <c>replacing</c>,
/// <c>spare</c>.</param>
/// <param name="Role">Of a top-level vdev: <c>data</c>, <c>log</c> or <c>spare</c>.</param>
/// <param name="Guid">Identity from the label.</param>
/// <param name="Path">Device path, empty for a group.</param>
/// <param name="State"><c>online</c>, <c>degraded</c>, <c>faulted</c>, <c>offline</c> or <c>missing</c>;
/// of a spare <c>available</c> or <c>in use</c>.</param>
/// <param name="SizeBytes">Usable size.</param>
/// <param name="ReadErrors">Failed reads since import.</param>
/// <param name="WriteErrors">Failed writes and flushes since import.</param>
/// <param name="ChecksumErrors">Reads whose contents were wrong since import.</param>
/// <param name="Note">What else an operator should know ("resilvering", "slow: ..."), or empty.</param>
/// <param name="Children">Members of a group.</param>
public sealed record VdevStatus(
    string Kind,
    string Role,
    Guid Guid,
    string Path,
    string State,
    long SizeBytes,
    long ReadErrors,
    long WriteErrors,
    long ChecksumErrors,
    string Note,
    IReadOnlyList<VdevStatus> Children);
