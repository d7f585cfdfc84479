namespace Cstor.Engine.Vdevs;

/// <summary>What a scan for pools found.</summary>
/// <param name="Pools">By name, then guid.</param>
/// <param name="Unusable">Devices that may belong to a pool but cannot be read; devices without any trace of
/// one are left out.</param>
public sealed record ImportScan(IReadOnlyList<ImportCandidate> Pools, IReadOnlyList<UnusableDevice> Unusable);
