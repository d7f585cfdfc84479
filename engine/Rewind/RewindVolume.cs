namespace Cstor.Engine.Rewind;

/// <summary>A volume or snapshot as it was.</summary>
public sealed record RewindVolume(string Name, long SizeBytes);
