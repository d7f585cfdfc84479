using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Blocks;

/// <summary>One device write: adjoining sectors gathered from the extents of several requests.</summary>
internal sealed class WriteRun(BlockWriter owner) : PendingIo
{
    public const int MaximumSlices = 256;
    public const int MaximumSectors = 512;

    private readonly IoSlice[] _slices = new IoSlice[MaximumSlices];
    private readonly ExtentWrite[] _extents = new ExtentWrite[MaximumSlices];
    private BlockPlace _place;
    private int _count;

    public int Sectors { get; private set; }

    public bool IsEmpty => _count == 0;

    /// <summary>Adds a piece if it adjoins the end and fits.</summary>
    public bool TryAdd(ExtentWrite extent, BlockPlace place, IoSlice piece)
    {
        int sectors = piece.LengthBytes >> Layout.SectorShift;
        if (_count == 0) _place = place;
        else if (_place.Packed + (ulong)Sectors != place.Packed) return false;
        if (_count == MaximumSlices || Sectors + sectors > MaximumSectors) return false;
        _slices[_count] = piece;
        _extents[_count++] = extent;
        Sectors += sectors;
        extent.AddPart();
        return true;
    }

    public void Start(PoolDevices devices) => Watch(devices.WriteAsync(_place, _slices.AsSpan(0, _count)));

    protected override void OnCompleted(IoStatus status)
    {
        int count = _count;
        _count = 0;
        Sectors = 0;
        for (int i = 0; i < count; i++)
        {
            ExtentWrite extent = _extents[i];
            _extents[i] = null!;
            extent.EndPart(status);
        }

        owner.RunEnded(this);
    }
}
