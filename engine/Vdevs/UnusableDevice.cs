namespace Cstor.Engine.Vdevs;

/// <summary>A device that could not be read, or whose labels cannot be used, and why.</summary>
public sealed record UnusableDevice(string Path, string Reason);
