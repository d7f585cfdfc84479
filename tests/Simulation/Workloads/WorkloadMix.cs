using Cstor.Engine.Host;

namespace Cstor.Tests.Simulation.Workloads;

/// <summary>What a random workload consists of. Weights are relative.</summary>
internal sealed record WorkloadMix
{
    public int Writes { get; init; } = 60;

    public int Reads { get; init; } = 20;

    public int Unmaps { get; init; } = 8;

    public int Flushes { get; init; } = 8;

    /// <summary>Of the writes, those with FUA.</summary>
    public double Durable { get; init; } = 0.15;

    /// <summary>Requests that begin or end within a block.</summary>
    public double Partial { get; init; } = 0.25;

    /// <summary>Reads that go on where the last one ended.</summary>
    public double Sequential { get; init; } = 0.3;

    /// <summary>The longest request.</summary>
    public int MaximumBytes { get; init; } = 256 * 1024;

    /// <summary>Of the unmaps, those of any length up to the whole volume.</summary>
    public double LongUnmap { get; init; } = 0.1;

    /// <summary>Requests under way at once.</summary>
    public int Concurrency { get; init; } = 8;

    /// <summary>How a request may fail in this run; anything else fails the test.</summary>
    public IReadOnlyCollection<IoStatus> AllowedFailures { get; init; } = [];
}
