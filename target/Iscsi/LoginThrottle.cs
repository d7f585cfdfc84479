using System.Net;
using System.Net.Sockets;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Slows down who guesses secrets. After a failed proof the answers to further proofs from that source
/// address, right or wrong, come one after the other with a pause that doubles; many connections at once gain
/// nothing, since they wait in one line. Other addresses notice nothing. An IPv6 source is a /64, which is
/// what one host can have. Bounded: a fixed table, in which a new offender takes the place of the one that
/// has been quiet longest; an address is forgiven after a quiet time.
/// </summary>
internal sealed class LoginThrottle(int pauseMs)
{
    private const int Sets = 256;
    private const int Ways = 4;
    private const int MaximumDoublings = 3;
    private const long ForgiveAfterNanoseconds = 120_000_000_000;
    private const long NanosecondsPerMs = 1_000_000;

    private readonly Offender[] _table = new Offender[Sets * Ways];

    private struct Offender
    {
        public UInt128 Source;
        public int Failures;
        public long LastNanoseconds;
        public long LineEndsNanoseconds;
    }

    /// <summary>A proof was judged.</summary>
    /// <returns>Nanoseconds that the answer must wait.</returns>
    public long Judge(IPAddress address, bool failed, long nowNanoseconds)
    {
        UInt128 source = SourceOf(address);
        ref Offender entry = ref Find(source, nowNanoseconds, out bool isKnown);
        if (!isKnown)
        {
            if (!failed) return 0;
            entry = new Offender { Source = source, LineEndsNanoseconds = nowNanoseconds };
        }

        if (failed) entry.Failures = Math.Min(entry.Failures + 1, MaximumDoublings + 1);
        long pause = (pauseMs * NanosecondsPerMs) << (entry.Failures - 1);
        entry.LineEndsNanoseconds = Math.Max(entry.LineEndsNanoseconds, nowNanoseconds) + pause;
        entry.LastNanoseconds = entry.LineEndsNanoseconds;
        return entry.LineEndsNanoseconds - nowNanoseconds;
    }

    private ref Offender Find(UInt128 source, long nowNanoseconds, out bool isKnown)
    {
        ulong mixed = unchecked((ulong)(source >> 64) * 0x9e3779b97f4a7c15);
        int first = (int)((mixed >> 32) % Sets) * Ways;
        int chosen = first;
        for (int i = first; i < first + Ways; i++)
        {
            ref Offender entry = ref _table[i];
            bool isQuiet = nowNanoseconds - entry.LastNanoseconds > ForgiveAfterNanoseconds;
            if (entry.Failures > 0 && isQuiet) entry = default;
            if (entry.Failures > 0 && entry.Source == source)
            {
                isKnown = true;
                return ref entry;
            }

            bool isBetter = entry.Failures == 0 || entry.LastNanoseconds < _table[chosen].LastNanoseconds;
            if (_table[chosen].Failures > 0 && isBetter) chosen = i;
        }

        isKnown = false;
        return ref _table[chosen];
    }

    private static UInt128 SourceOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        address.TryWriteBytes(bytes, out _);
        if (address.AddressFamily == AddressFamily.InterNetworkV6) bytes[8..].Clear();
        else bytes[4] = 4;
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
