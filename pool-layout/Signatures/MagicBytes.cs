namespace Cstor.PoolLayout.Signatures;

/// <summary>A signature that is found by its bytes alone, long enough not to turn up by chance.</summary>
/// <param name="Offset">From the device's start, or if negative from its end.</param>
/// <param name="Magic">One byte in each character.</param>
/// <param name="Name">What carries it, with its article.</param>
internal readonly record struct MagicBytes(long Offset, string Magic, string Name);
