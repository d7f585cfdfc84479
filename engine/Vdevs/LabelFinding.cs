using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>What was found in one of a device's labels.</summary>
/// <param name="Index">0 to 3: two at the front, two at the end.</param>
/// <param name="Condition">Whole or why not.</param>
/// <param name="Reason">In words, if not whole.</param>
/// <param name="Label">The label, if whole.</param>
public sealed record LabelFinding(int Index, LabelCondition Condition, string Reason, PoolLabel? Label);
