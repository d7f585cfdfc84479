namespace Cstor.Tests.Simulation;

/// <summary>What goes wrong with one request.</summary>
public enum DiskFault
{
    None,

    /// <summary>The request fails with a device error; a failed write may have arrived in part.</summary>
    Error,

    /// <summary>A write is acknowledged and not done.</summary>
    Lost,

    /// <summary>A write is acknowledged, and done elsewhere on the disk.</summary>
    Misdirected,

    /// <summary>A flush is acknowledged and nothing becomes durable.</summary>
    Ignored,

    /// <summary>A bit of a sector flips, for good, before it is read.</summary>
    Rot,

    /// <summary>The request is answered after <see cref="DiskFaults.StallNanoseconds"/>, or never.</summary>
    Stall,
}
