namespace Cstor.Engine.Pools;

/// <summary>One kind of damage that was found, how often, and what became of it.</summary>
/// <param name="What"><c>label</c>, <c>uberblock</c>, <c>node</c>, <c>log</c>, <c>space</c> or
/// <c>data</c>.</param>
/// <param name="Where">The place of the newest case ("/dev/sdb label 2", "tank/db block 4711 at
/// 0:8812").</param>
/// <param name="Count">Cases since import.</param>
/// <param name="Repaired">Cases rewritten from a good copy.</param>
public sealed record DamageReport(string What, string Where, long Count, long Repaired);
