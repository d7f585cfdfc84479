using Cstor.Engine.Caching;
using Cstor.PoolLayout;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Caching;

/// <summary>A cache with one pool, of blocks whose contents tell which they are.</summary>
internal sealed class CacheRig : IDisposable
{
    public const int Block = 4096;

    private readonly SimulatedMachine _machine = new(1);
    private readonly byte[] _contents = new byte[Layout.MaximumBlockBytes];

    public CacheRig(long limitBytes, bool isAllowedAll = true)
    {
        Loop = _machine.AddNode("node").CreateLoop();
        Cache = new ReadCache(Loop, limitBytes);
        Share = Cache.Open();
        if (isAllowedAll) Cache.Allow(limitBytes);
    }

    public SimulatedLoop Loop { get; }

    public ReadCache Cache { get; }

    public CacheShare Share { get; }

    /// <summary>The pointer of a block that is found nowhere else.</summary>
    public static BlockPointer Pointer(long block, int bytes = Block, ulong birth = 1, ulong sum = 0) => new()
    {
        Place0 = new BlockPlace(0, block + 1),
        BirthEpoch = birth,
        LogicalShift = (byte)int.Log2(bytes),
        PhysicalBytes = (uint)bytes,
        Checksum = new Hash128(unchecked((ulong)block * 0x9E3779B97F4A7C15) ^ sum, (ulong)block),
    };

    /// <summary>Reads as a volume does: from the cache, or else into it.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Read(long block, int bytes = Block, bool isScan = false)
    {
        BlockPointer pointer = Pointer(block, bytes);
        Span<byte> contents = _contents.AsSpan(0, bytes);
        if (Share.TryReadData(pointer, contents, isScan))
        {
            Assert.Equal(block, BitConverter.ToInt64(contents));
            Assert.False(contents[8..].ContainsAnyExcept((byte)(block & 255)));
            return true;
        }

        contents.Fill((byte)(block & 255));
        BitConverter.TryWriteBytes(contents, block);
        Share.NoteDataMiss();
        Share.InsertData(pointer, contents);
        return false;
    }

    public int CountCached(long first, int count) =>
        Enumerable.Range(0, count).Count(i => Share.Contains(Pointer(first + i)));

    public void Run(Func<ValueTask> body) => Assert.Equal(RunEnd.Completed, _machine.Run(Loop, body));

    public void Dispose()
    {
        Share.Close();
        Assert.Equal(0, Loop.Memory.TakenBytes);
        _machine.Dispose();
    }
}
