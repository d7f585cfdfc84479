using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.Raid;

namespace Cstor.Engine.Vdevs;

/// <summary>Blocks that follow each other, to be read. Reusable.</summary>
internal sealed class RaidzRun
{
    private IoSlice[] _blocks = new IoSlice[32];
    private int _at;
    private long _sectorAt;

    /// <summary>Of the first block.</summary>
    public long Sector { get; private set; }

    public int Count { get; private set; }

    public void Begin(long sector, ReadOnlySpan<IoSlice> blocks)
    {
        if (_blocks.Length < blocks.Length) _blocks = new IoSlice[blocks.Length];
        blocks.CopyTo(_blocks);
        Count = blocks.Length;
        Sector = sector;
        _at = 0;
        _sectorAt = sector;
    }

    public IoSlice Block(int index) => _blocks[index];

    /// <summary>The first sector of a block; asked in order it takes one step.</summary>
    public long SectorOf(int index, VdevGeometry geometry)
    {
        if (index < _at)
        {
            _at = 0;
            _sectorAt = Sector;
        }

        for (; _at < index; _at++)
            _sectorAt += geometry.AllocatedSectors(_blocks[_at].LengthBytes >> Layout.SectorShift);
        return _sectorAt;
    }
}
