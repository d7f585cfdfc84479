using Cstor.PoolLayout;

namespace Cstor.Engine.Log;

/// <summary>A megabyte of the commit log, in two copies.</summary>
internal readonly record struct LogSegment(BlockPlace Place0, BlockPlace Place1)
{
    /// <summary>Place of an offset in one of the copies.</summary>
    public BlockPlace At(int copy, int offsetBytes)
    {
        BlockPlace start = copy == 0 ? Place0 : Place1;
        return new BlockPlace(start.Vdev, start.Sector + (offsetBytes >> Layout.SectorShift));
    }
}
