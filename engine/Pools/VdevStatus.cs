namespace Cstor.Engine.Pools;

/// <summary>A vdev in <c>pool status</c>; children of a mirror are vdevs of kind <c>disk</c>.</summary>
/// <param name="Kind"><c>disk</c> or <c>mirror</c>.</param>
/// <param name="Guid">Identity from the label.</param>
/// <param name="Path">Device path, empty for a group.</param>
/// <param name="State"><c>online</c>, <c>degraded</c>, <c>faulted</c> or <c>missing</c>.</param>
/// <param name="SizeBytes">Usable size.</param>
/// <param name="ReadErrors">Failed reads since import.</param>
/// <param name="WriteErrors">Failed writes and flushes since import.</param>
/// <param name="ChecksumErrors">Reads whose contents were wrong since import.</param>
/// <param name="Children">Members of a group.</param>
public sealed record VdevStatus(
    string Kind,
    Guid Guid,
    string Path,
    string State,
    long SizeBytes,
    long ReadErrors,
    long WriteErrors,
    long ChecksumErrors,
    IReadOnlyList<VdevStatus> Children);
