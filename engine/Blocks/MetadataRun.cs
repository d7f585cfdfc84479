using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Blocks;

/// <summary>One vdev write of adjoining metadata blocks, one slice for each.</summary>
internal sealed class MetadataRun(MetadataWriter owner) : PendingIo
{
    private const int MaximumBlocks = 64;

    private readonly IoSlice[] _slices = new IoSlice[MaximumBlocks];
    private readonly IoBuffer[] _buffers = new IoBuffer[MaximumBlocks];
    private readonly BlockPlace[] _places = new BlockPlace[MaximumBlocks];
    private BlockPlace _place;
    private ulong _end;
    private int _count;

    /// <summary>Adds a block if it adjoins the end and fits.</summary>
    public bool TryAdd(in PlacedWrite write)
    {
        if (_count == 0) _place = write.Place;
        else if (_count == MaximumBlocks || _end != write.Place.Packed) return false;
        _slices[_count] = write.Buffer.First(write.LengthBytes);
        _places[_count] = write.Place;
        _buffers[_count++] = write.Buffer;
        _end = write.Place.Packed + (ulong)write.Sectors;
        return true;
    }

    public void Start(PoolDevices devices) => Watch(devices.WriteAsync(_place, _slices.AsSpan(0, _count)));

    protected override void OnCompleted(IoStatus status)
    {
        int count = _count;
        _count = 0;
        for (int i = 0; i < count; i++)
        {
            owner.OnWritten(_places[i]);
            _buffers[i].Release();
            _buffers[i] = null!;
        }

        owner.RunEnded(this, status);
    }
}
