namespace Cstor.Daemon.Api;

/// <param name="Name">Of the new pool.</param>
/// <param name="Vdevs">Top-level vdevs; data is striped over them.</param>
/// <param name="Force">Take devices that carry something; never ones that are in use.</param>
/// <param name="DryRun">Check everything, write nothing.</param>
internal sealed record CreatePoolRequest(string Name, VdevRequest[] Vdevs, bool Force, bool DryRun);
