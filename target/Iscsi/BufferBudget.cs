using Cstor.Engine.Host;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Bounds the payload memory of a target server and shares it out. A connection may take more only while
/// what it holds stays below what is left for everybody (a dynamic threshold): one alone may use half, the
/// next half of the rest. Stalled ones that keep what they have leave next to nothing so; therefore a
/// connection gets its first buffers regardless, enough to log in and for small commands, so nobody starves
/// while the pool itself has memory.
/// </summary>
internal sealed class BufferBudget(ILoop loop, long limitBytes) : ITurnEnd
{
    /// <summary>What a connection may hold however little is left.</summary>
    private const int AlwaysBytes = 32 * 1024;

    private readonly Queue<BufferShare> _waiting = new();
    private bool _deferred;

    public long LimitBytes => limitBytes;

    public long UsedBytes { get; private set; }

    public BufferPool Pool => loop.Buffers;

    /// <summary>True while somebody waits: command windows stop growing.</summary>
    public bool IsShort => _waiting.Count > 0;

    private long RoomBytes => Math.Max(AlwaysBytes, limitBytes - UsedBytes);

    public IoBuffer? TryRent(BufferShare share, int lengthBytes)
    {
        int capacityBytes = CapacityFor(lengthBytes);
        bool fits = share.UsedBytes == 0 || share.UsedBytes + capacityBytes <= RoomBytes;
        IoBuffer? buffer = fits ? Pool.TryRent(lengthBytes) : null;
        if (buffer is not null) UsedBytes += buffer.CapacityBytes;
        return buffer;
    }

    public void Returned(int capacityBytes)
    {
        UsedBytes -= capacityBytes;
        if (_waiting.Count == 0 || _deferred) return;
        _deferred = true;
        loop.Defer(this);
    }

    public void Enqueue(BufferShare share) => _waiting.Enqueue(share);

    /// <summary>
    /// Serves the waiting shares in turn, one buffer each, until a whole round brings nothing.
    /// </summary>
    public void OnTurnEnd()
    {
        _deferred = false;
        bool served = true;
        while (served && _waiting.Count > 0)
        {
            served = false;
            for (int left = _waiting.Count; left > 0; left--)
            {
                BufferShare share = _waiting.Dequeue();
                served |= share.TryServeOne();
                if (share.HasWaiters) _waiting.Enqueue(share);
                else share.IsQueued = false;
            }
        }
    }

    private static int CapacityFor(int lengthBytes) =>
        (int)System.Numerics.BitOperations.RoundUpToPowerOf2(
            (uint)Math.Max(lengthBytes, BufferPool.MinimumBytes));
}
