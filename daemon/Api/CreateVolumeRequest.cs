namespace Cstor.Daemon.Api;

/// <param name="Pool">Name of the pool.</param>
/// <param name="Volume">Name within the pool.</param>
/// <param name="SizeBytes">Size of the LUN.</param>
/// <param name="BlockSizeBytes">Power of two, 4096 to 131072.</param>
/// <param name="Properties">As for <c>volume set</c>.</param>
/// <param name="DryRun">Check, create nothing.</param>
internal sealed record CreateVolumeRequest(
    string Pool,
    string Volume,
    long SizeBytes,
    int BlockSizeBytes,
    Dictionary<string,
    string> Properties,
    bool DryRun);
