using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Log;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Volumes;

/// <summary>
/// A block of which parts are new and in memory: their bytes, which they are, and which of them no log has
/// yet. Counted by its holders, for who has begun to read with it goes on with it, even when it was written
/// back meanwhile.
/// </summary>
internal sealed class WriteBackBlock(WriteBack owner) : PendingIo
{
    private PartMask _valid;
    private PartMask _unlogged;
    private IoBuffer _buffer = null!;
    private int _holders;
    private int _version;
    private int _versionTaken;

    public Volume Volume { get; private set; } = null!;

    public ulong Block { get; private set; }

    /// <summary>When it should be written back, on the loop's clock.</summary>
    public long DueNanoseconds { get; set; }

    /// <summary>How its last write back ended.</summary>
    public IoStatus LastStatus { get; set; }

    /// <summary>A newer version of the whole block is visible: this one no longer counts.</summary>
    public bool IsDropped { get; private set; }

    /// <summary>Where it stands among those that have something for the log, or -1.</summary>
    public int ListedAt { get; set; } = -1;

    /// <summary>Sectors kept free for it.</summary>
    public int ReservedSectors { get; private set; }

    /// <summary>Nothing of the old block is needed.</summary>
    public bool IsWhole => _valid.Count * LogPartRecord.UnitBytes == Volume.BlockSizeBytes;

    /// <summary>No part has come since <see cref="CopyTo"/>, and it still counts.</summary>
    public bool IsAsTaken => !IsDropped && _version == _versionTaken;

    public void Begin(Volume volume, ulong block, IoBuffer buffer, int reservedSectors)
    {
        Volume = volume;
        Block = block;
        _buffer = buffer;
        _holders = 1;
        _valid = default;
        _unlogged = default;
        ReservedSectors = reservedSectors;
        IsDropped = false;
        LastStatus = IoStatus.Ok;
    }

    /// <summary>Bytes of the parts that it has.</summary>
    public int PartBytes => _valid.Count * LogPartRecord.UnitBytes;

    /// <summary>Those that no log has yet.</summary>
    public int UnloggedBytes => _unlogged.Count * LogPartRecord.UnitBytes;

    /// <summary>Takes a part in.</summary>
    public void Put(int within, ReadOnlySpan<byte> part)
    {
        part.CopyTo(_buffer.Span[within..]);
        _valid.Add(within, part.Length);
        _unlogged.Add(within, part.Length);
        _version++;
    }

    /// <summary>Lays the new parts over a block.</summary>
    public void LayOver(Span<byte> block)
    {
        int at = 0;
        while (_valid.TryNext(ref at, block.Length, out int start))
            _buffer.Span[start..at].CopyTo(block[start..]);
    }

    /// <summary>The same, to be written back: see <see cref="IsAsTaken"/>.</summary>
    public void CopyTo(Span<byte> block)
    {
        LayOver(block);
        _versionTaken = _version;
    }

    /// <summary>The log that has the parts will be free: all of them are for the next one.</summary>
    public void MarkUnlogged() => _unlogged = _valid;

    /// <summary>Appends what no log has yet.</summary>
    public void AppendTo(CommitLog log)
    {
        for (int at = 0; _unlogged.TryNext(ref at, Volume.BlockSizeBytes, out int start);)
        {
            for (; start < at; start += LogPartRecord.MaximumDataBytes)
            {
                int length = Math.Min(at - start, LogPartRecord.MaximumDataBytes);
                log.AppendPart(Volume.Slot, Block, start, _buffer.Span.Slice(start, length));
            }
        }

        _unlogged = default;
    }

    /// <summary>Writes it back; the owner is told how that ended.</summary>
    public void Start(VolumeWriter writer)
    {
        Retain();
        Watch(writer.WriteBackAsync(this));
    }

    public void Drop() => IsDropped = true;

    public void Retain() => _holders++;

    public void Release()
    {
        if (--_holders > 0) return;
        _buffer.Release();
        _buffer = null!;
        owner.Recycle(this);
        Volume = null!;
    }

    protected override void OnCompleted(IoStatus status)
    {
        owner.Ended(this, status);
        Release();
    }
}
