// The content of a sector says whose it is: volume, block, sector and the write it comes from stand at its
// head, and the rest is made from them, so that a foreign, stale or damaged sector is named in the failure. A
// third of the writes is random, a third is text, a third nearly empty, to give compression something to do
// and something to refuse.
using System.Buffers.Binary;

namespace Cstor.Tests.Simulation.Oracle;

internal static class SectorStamp
{
    public const int SectorBytes = 512;

    private const uint Magic = 0x43D5_70A1;

    /// <summary>Fills a sector; stamp 0 is zeroes.</summary>
    public static void Fill(Span<byte> sector, uint volume, long block, int index, ulong stamp)
    {
        if (stamp == 0)
        {
            sector.Clear();
            return;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(sector, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(sector[4..], volume);
        BinaryPrimitives.WriteInt64LittleEndian(sector[8..], block);
        BinaryPrimitives.WriteInt64LittleEndian(sector[16..], index);
        BinaryPrimitives.WriteUInt64LittleEndian(sector[24..], stamp);
        Span<byte> rest = sector[32..];
        ulong place = SimulatedRandom.Mix((ulong)block, ((ulong)volume << 32) + (uint)index);
        ulong seed = SimulatedRandom.Mix(stamp, place);
        switch (stamp % 3)
        {
            case 0:
                new SimulatedRandom(seed).Fill(rest);
                break;
            case 1:
                for (int i = 0; i < rest.Length; i++)
                    rest[i] = (byte)('a' + (((i % 16) + (int)(seed % 7)) % 26));
                break;
            default:
                rest.Clear();
                BinaryPrimitives.WriteUInt64LittleEndian(rest[(int)(seed % 400)..], seed | 1);
                break;
        }
    }

    /// <summary>The stamp of a sector, or why it is none of this place.</summary>
    public static (
        ulong Stamp, string? Wrong) Read(ReadOnlySpan<byte> sector, uint volume, long block, int index)
    {
        if (!sector.ContainsAnyExcept((byte)0)) return (0, null);
        if (BinaryPrimitives.ReadUInt32LittleEndian(sector) != Magic)
            return (0, $"is no content of ours: {Convert.ToHexString(sector[..32])}");
        uint itsVolume = BinaryPrimitives.ReadUInt32LittleEndian(sector[4..]);
        long itsBlock = BinaryPrimitives.ReadInt64LittleEndian(sector[8..]);
        long itsIndex = BinaryPrimitives.ReadInt64LittleEndian(sector[16..]);
        ulong stamp = BinaryPrimitives.ReadUInt64LittleEndian(sector[24..]);
        if (itsVolume != volume || itsBlock != block || itsIndex != index)
            return (stamp, $"is write {stamp} of volume {itsVolume} block {itsBlock} sector {itsIndex}");
        Span<byte> whole = stackalloc byte[SectorBytes];
        Fill(whole, volume, block, index, stamp);
        return sector.SequenceEqual(whole) ? (stamp, null) : (stamp, $"is write {stamp}, damaged");
    }
}
