using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Blocks;

/// <summary>One copy of a metadata block on its way to the device; holds the buffer.</summary>
internal readonly record struct PlacedWrite(BlockPlace Place, IoBuffer Buffer, int LengthBytes);
