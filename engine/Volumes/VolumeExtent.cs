using Cstor.Engine.Host;

namespace Cstor.Engine.Volumes;

/// <summary>A stretch of a volume that is all stored, or all holes.</summary>
/// <param name="Status">Ok, or why it is not known.</param>
/// <param name="LengthBytes">From where it was asked for; what follows may be of the same kind.</param>
/// <param name="IsHole">Nothing is stored: reads zeroes.</param>
public readonly record struct VolumeExtent(IoStatus Status, long LengthBytes, bool IsHole);
