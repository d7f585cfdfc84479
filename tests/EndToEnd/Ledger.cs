namespace Cstor.Tests.EndToEnd;

/// <summary>
/// What one writer sent, in order, and so what each of its blocks may hold after a crash: the last value
/// that was flushed, or any that was sent after it.
/// </summary>
internal sealed class Ledger(int blocks)
{
    private readonly List<(int Block, byte Value, bool IsFlush)> _sent = [];
    private readonly HashSet<byte>[] _allowed =
        [.. Enumerable.Range(0, blocks).Select(_ => new HashSet<byte> { 0 })];

    private int _writes;

    /// <summary>
    /// Records a write that will be sent; gives the value to write, never that of the write before it.
    /// </summary>
    public byte Plan(int block)
    {
        byte value = (byte)(_writes++ % 251 + 1);
        _sent.Add((block, value, false));
        return value;
    }

    public void PlanFlush() => _sent.Add((0, 0, true));

    /// <summary>
    /// The daemon died after acknowledging so many writes. A flush counts once a write sent after it was
    /// acknowledged, because the writer waits for each answer.
    /// </summary>
    public void Settle(int acknowledgedWrites)
    {
        int lastAcknowledged = -1, writes = 0;
        for (int i = 0; i < _sent.Count && writes < acknowledgedWrites; i++)
        {
            if (!_sent[i].IsFlush && ++writes == acknowledgedWrites) lastAcknowledged = i;
        }

        int lastFlush = _sent.FindLastIndex(Math.Max(lastAcknowledged, 0), sent => sent.IsFlush);
        for (int i = 0; i < _sent.Count; i++)
        {
            (int block, byte value, bool isFlush) = _sent[i];
            if (isFlush) continue;
            if (i < lastFlush) _allowed[block].Clear();
            _allowed[block].Add(value);
        }

        _sent.Clear();
    }

    /// <summary>Checks what a block holds; from then on it is known to hold that.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? Judge(int block, byte value)
    {
        if (!_allowed[block].Contains(value))
        {
            return $"holds {value}, allowed are {string.Join(' ', _allowed[block].Order())}";
        }

        _allowed[block].Clear();
        _allowed[block].Add(value);
        return null;
    }
}
