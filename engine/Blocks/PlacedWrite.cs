using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Blocks;

/// <summary>One copy of a metadata block on its way to the device; holds the buffer.</summary>
/// <param name="Place">Where it goes.</param>
/// <param name="Sectors">What it takes there, parity included.</param>
/// <param name="Buffer">The stored bytes.</param>
/// <param name="LengthBytes">Whole sectors.</param>
internal readonly record struct PlacedWrite(BlockPlace Place, int Sectors, IoBuffer Buffer, int LengthBytes);
