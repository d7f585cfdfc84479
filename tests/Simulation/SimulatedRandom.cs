namespace Cstor.Tests.Simulation;

/// <summary>
/// SplitMix64: the one source of chance in the simulator. Our own, because a seed written down in a report
/// must
/// give the same run on every runtime.
/// </summary>
internal sealed class SimulatedRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>
    /// An independent stream, named so that adding one draw here does not shift the draws there.
    /// </summary>
    public static SimulatedRandom For(ulong seed, string name) => new(Mix(seed, HashOf(name)));

    public static ulong Mix(ulong left, ulong right)
    {
        unchecked
        {
            ulong z = left + (right * 0x9E3779B97F4A7C15UL) + 0x632BE59BD9B4E019UL;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
            return z ^ (z >> 31);
        }
    }

    public static ulong HashOf(string text)
    {
        ulong hash = 14695981039346656037UL;
        foreach (char c in text) hash = unchecked((hash ^ c) * 1099511628211UL);
        return hash;
    }

    public static ulong HashOf(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 0x2545F4914F6CDD1DUL;
        ReadOnlySpan<ulong> words = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(bytes);
        unchecked
        {
            foreach (ulong word in words)
            {
                hash = (hash ^ word) * 0x9E3779B97F4A7C15UL;
                hash ^= hash >> 29;
            }

            foreach (byte b in bytes[(words.Length * 8)..]) hash = (hash ^ b) * 1099511628211UL;
        }

        return hash;
    }

    public ulong Next()
    {
        unchecked
        {
            _state += 0x9E3779B97F4A7C15UL;
            ulong z = _state;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
            return z ^ (z >> 31);
        }
    }

    /// <summary>0 up to, not including, <paramref name="limit"/>.</summary>
    public int Below(int limit) => (int)(Next() % (ulong)limit);

    public long Below(long limit) => (long)(Next() % (ulong)limit);

    /// <summary>Both ends included.</summary>
    public long Between(long low, long high) => low + Below(high - low + 1);

    public int Between(int low, int high) => low + Below(high - low + 1);

    public bool Chance(double probability) =>
        probability > 0 && (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    public bool Coin() => (Next() & 1) != 0;

    public void Fill(Span<byte> destination)
    {
        while (destination.Length >= 8)
        {
            BitConverter.TryWriteBytes(destination, Next());
            destination = destination[8..];
        }

        if (destination.IsEmpty) return;
        ulong last = Next();
        for (int i = 0; i < destination.Length; i++) destination[i] = unchecked((byte)(last >> (8 * i)));
    }
}
