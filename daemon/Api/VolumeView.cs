namespace Cstor.Daemon.Api;

/// <param name="Name"><c>tank/db</c>.</param>
/// <param name="Id">Identity, the source of the LUN's designators.</param>
/// <param name="SizeBytes">Size of the LUN.</param>
/// <param name="BlockSizeBytes">Fixed at creation.</param>
/// <param name="ReferencedBytes">Space taken on the vdevs.</param>
/// <param name="LogicalBytes">The same before compression.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="State"><c>online</c> or <c>destroying</c>.</param>
/// <param name="Properties">Name and value, secrets never among them.</param>
/// <param name="Target">iSCSI name.</param>
/// <param name="Problem">Why it is not served, with what to do; or empty.</param>
/// <param name="Sessions">Initiators logged in.</param>
internal sealed record VolumeView(
    string Name,
    Guid Id,
    long SizeBytes,
    int BlockSizeBytes,
    long ReferencedBytes,
    long LogicalBytes,
    DateTimeOffset CreatedAt,
    string State,
    SortedDictionary<string, string> Properties,
    string Target,
    string Problem,
    int Sessions);
