namespace Cstor.Daemon.Api;

/// <param name="Vdevs">What the pool gets: data vdevs, log devices, spares.</param>
/// <param name="Force">Take devices that carry something, and vdevs that survive less than those the pool
/// has.</param>
/// <param name="DryRun">Check everything, write nothing.</param>
internal sealed record AddVdevsRequest(VdevRequest[] Vdevs, bool Force, bool DryRun);
