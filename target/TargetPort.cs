namespace Cstor.Target;

/// <summary>A way to a unit, through this server or that of another node.</summary>
/// <param name="Id">Relative port and port group identifier, 1 to 65535, the same on all nodes.</param>
/// <param name="IsOptimized">The shortest way: the others go through it.</param>
public sealed record TargetPort(ushort Id, bool IsOptimized);
