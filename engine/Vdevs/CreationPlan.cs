namespace Cstor.Engine.Vdevs;

/// <summary>What creating a pool would do.</summary>
/// <param name="Vdevs">The tree; guids are drawn anew when it is done.</param>
/// <param name="SizeBytes">Space that places can address.</param>
/// <param name="Notes">What the operator may not expect: space left unused, content overwritten by
/// force.</param>
public sealed record CreationPlan(
    IReadOnlyList<PoolLayout.Labels.VdevConfig> Vdevs, long SizeBytes, IReadOnlyList<string> Notes);
