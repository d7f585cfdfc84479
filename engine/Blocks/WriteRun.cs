using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Blocks;

/// <summary>
/// One vdev write: adjoining blocks gathered from the extents of several requests. Where blocks have parity,
/// each is a slice of its own; elsewhere those of one extent are one.
/// </summary>
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

    /// <summary>Adds blocks if they adjoin the end and fit.</summary>
    /// <param name="extent">Told when they are written.</param>
    /// <param name="place">Of the first block.</param>
    /// <param name="sectors">What they take there, parity included.</param>
    /// <param name="piece">Their bytes.</param>
    /// <param name="sliceBytes">Those of one block where it has parity, else of all of them.</param>
    public bool TryAdd(ExtentWrite extent, BlockPlace place, int sectors, IoSlice piece, int sliceBytes)
    {
        if (_count == 0) _place = place;
        else if (_place.Packed + (ulong)Sectors != place.Packed) return false;
        int slices = piece.LengthBytes / sliceBytes;
        if (_count + slices > MaximumSlices || Sectors + sectors > MaximumSectors) return false;
        for (int i = 0; i < slices; i++)
        {
            _slices[_count] = piece.Slice(i * sliceBytes, sliceBytes);
            _extents[_count++] = extent;
            extent.AddPart();
        }

        Sectors += sectors;
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
