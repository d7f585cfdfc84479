using System.Numerics;
using Cstor.Engine.Memory;

namespace Cstor.Engine.Caching;

/// <summary>
/// Remembers blocks that were let go unused, for as long as it takes to fill the cache once more: one that
/// comes back within that time would have been worth keeping. A table of fingerprints, four to a line,
/// each with the time it was entered; a newer one takes the place of the oldest in its line. It may forget
/// and, once in some billions, mistake: both only cost a worse choice.
/// </summary>
internal sealed class GhostTable : IDisposable
{
    private const int Ways = 4;

    private readonly NativeArray<ulong> _slots;
    private readonly int _mask;
    private uint _clock;

    /// <param name="frames">Frames of the full cache.</param>
    public GhostTable(int frames)
    {
        int slots = (int)Math.Max(Ways, BitOperations.RoundUpToPowerOf2((uint)frames));
        _slots = new NativeArray<ulong>(slots);
        _mask = slots - 1;
    }

    /// <summary>Enters a block.</summary>
    /// <param name="hash">Of its identity.</param>
    /// <param name="frames">What it took: the clock runs by frames.</param>
    public void Add(ulong hash, int frames)
    {
        _clock = unchecked(_clock + (uint)frames);
        Span<ulong> line = Line(hash);
        int oldest = 0;
        uint oldestAge = 0;
        for (int way = 0; way < Ways; way++)
        {
            uint age = line[way] == 0 ? uint.MaxValue : AgeOf(line[way]);
            if (age < oldestAge) continue;
            oldest = way;
            oldestAge = age;
        }

        line[oldest] = ((ulong)FingerprintOf(hash) << 32) | _clock;
    }

    /// <summary>Whether the block was entered lately; this forgets it.</summary>
    /// <param name="hash">Of its identity.</param>
    /// <param name="frames">How many frames may have been entered since.</param>
    public bool Take(ulong hash, int frames)
    {
        Span<ulong> line = Line(hash);
        uint fingerprint = FingerprintOf(hash);
        for (int way = 0; way < Ways; way++)
        {
            if ((uint)(line[way] >> 32) != fingerprint) continue;
            bool isRecent = AgeOf(line[way]) <= (uint)frames;
            line[way] = 0;
            return isRecent;
        }

        return false;
    }

    public void Dispose() => _slots.Dispose();

    // Never 0, which is an empty slot.
    private static uint FingerprintOf(ulong hash) => (uint)(hash & uint.MaxValue) | 1;

    private uint AgeOf(ulong slot) => unchecked(_clock - (uint)slot);

    private Span<ulong> Line(ulong hash) => _slots.Span((int)(hash >> 33) & _mask & -Ways, Ways);
}
