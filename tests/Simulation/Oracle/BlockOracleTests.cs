using Xunit;

namespace Cstor.Tests.Simulation.Oracle;

public sealed class BlockOracleTests
{
    private const int Block = 4096;
    private readonly BlockOracle _oracle = new(new OracleHistory(), 1, Block, 8 * Block);

    [Fact]
    public void A_fresh_volume_reads_as_zeroes()
    {
        Read(0, new byte[2 * Block]);
        Assert.Throws<OracleException>(() => Read(0, Filled(0x41)));
    }

    [Fact]
    public void An_acknowledged_write_must_be_read()
    {
        byte[] payload = Write(0, Block, isDurable: false);

        Read(0, payload);
        Assert.Throws<OracleException>(() => Read(0, new byte[Block]));
    }

    [Fact]
    public void A_write_under_way_may_be_read_or_not_but_not_mixed()
    {
        byte[] old = Write(0, Block, isDurable: false);
        byte[] payload = new byte[Block];
        OracleRequest request = _oracle.BeginWrite(0, payload);

        Read(0, old);
        Read(0, payload);
        Assert.Throws<OracleException>(() => Read(0, [.. payload[..2048], .. old[2048..]]));
        _oracle.End(request, isDurable: false);
        Assert.Throws<OracleException>(() => Read(0, old));
    }

    [Fact]
    public void A_read_that_began_before_the_acknowledgement_may_still_be_old()
    {
        byte[] payload = new byte[Block];
        OracleRequest request = _oracle.BeginWrite(0, payload);
        OracleRead read = _oracle.BeginRead(0, Block);
        _oracle.End(request, isDurable: true);

        _oracle.EndRead(read, new byte[Block]);
        Assert.Throws<OracleException>(() => Read(0, new byte[Block]));
    }

    [Fact]
    public void A_read_may_return_any_version_that_came_and_went_meanwhile()
    {
        OracleRead read = _oracle.BeginRead(0, Block);
        byte[] between = Write(0, Block, isDurable: false);
        Write(0, Block, isDurable: true);

        _oracle.EndRead(read, between);
        Assert.Throws<OracleException>(() => Read(0, between));
    }

    [Fact]
    public void Another_blocks_content_is_named()
    {
        byte[] payload = Write(3 * Block, Block, isDurable: false);

        OracleException error = Assert.Throws<OracleException>(() => Read(0, payload));

        Assert.Contains("volume 1 block 3 sector 0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void After_a_crash_a_block_is_any_version_from_the_last_flushed_on()
    {
        byte[] before = Write(0, Block, isDurable: false);
        byte[] flushed = Write(0, Block, isDurable: false);
        _oracle.EndFlush(_oracle.BeginFlush());
        byte[] later = Write(0, Block, isDurable: false);
        byte[] latest = Write(0, Block, isDurable: false);

        foreach (byte[] allowed in new[] { flushed, later, latest }) Crashed().Settle(0, allowed);
        Assert.Throws<OracleException>(() => Crashed().Settle(0, before));
        Assert.Throws<OracleException>(() => Crashed().Settle(0, new byte[Block]));
        Assert.Throws<OracleException>(() => Crashed().Settle(0, [.. later[..512], .. latest[512..]]));
    }

    [Fact]
    public void A_flush_covers_only_what_was_acknowledged_before_it_was_issued()
    {
        byte[] old = Write(0, Block, isDurable: false);
        long mark = _oracle.BeginFlush();
        byte[] late = Write(0, Block, isDurable: false);
        _oracle.EndFlush(mark);

        Crashed().Settle(0, old);
        Crashed().Settle(0, late);
        Assert.Throws<OracleException>(() => Crashed().Settle(0, new byte[Block]));
    }

    [Fact]
    public void A_durable_write_is_flushed_by_itself()
    {
        byte[] durable = Write(0, Block, isDurable: true);

        Crashed().Settle(0, durable);
        Assert.Throws<OracleException>(() => Crashed().Settle(0, new byte[Block]));
    }

    [Fact]
    public void What_was_read_after_a_crash_stays()
    {
        byte[] payload = Write(0, Block, isDurable: false);
        BlockOracle crashed = Crashed();
        crashed.Settle(0, new byte[Block]);
        crashed.EndOfCrash();

        crashed.Crash();
        Assert.Throws<OracleException>(() => crashed.Settle(0, payload));
    }

    [Fact]
    public void A_partial_write_is_merged_into_its_block()
    {
        byte[] whole = Write(0, Block, isDurable: true);
        byte[] part = Write(512, 1024, isDurable: false);

        Read(0, [.. whole[..512], .. part, .. whole[1536..]]);
        Assert.Throws<OracleException>(() => Read(0, whole));
    }

    [Fact]
    public void An_unmapped_range_reads_as_zeroes_and_may_be_lost_in_a_crash()
    {
        byte[] payload = Write(0, Block, isDurable: true);
        _oracle.End(_oracle.BeginUnmap(0, Block), isDurable: false);

        Read(0, new byte[Block]);
        Assert.Throws<OracleException>(() => Read(0, payload));
        Crashed().Settle(0, payload);
        Crashed().Settle(0, new byte[Block]);
    }

    [Fact]
    public void A_later_survivor_of_a_lost_write_is_a_gap_in_the_history()
    {
        byte[] first = Write(0, Block, isDurable: false);
        byte[] second = Write(Block, Block, isDurable: false);

        Assert.Null(GapIf(first, second));
        Assert.Null(GapIf(first, new byte[Block]));
        Assert.Null(GapIf(new byte[Block], new byte[Block]));
        Assert.NotNull(GapIf(new byte[Block], second));
    }

    [Fact]
    public void Zeroes_over_zeroes_prove_nothing()
    {
        Write(0, Block, isDurable: false);
        _oracle.End(_oracle.BeginUnmap(Block, Block), isDurable: false);

        Assert.Null(GapIf(new byte[Block], new byte[Block]));
    }

    [Fact]
    public void Writes_under_way_at_once_have_no_order()
    {
        byte[] second = new byte[Block];
        OracleRequest one = _oracle.BeginWrite(0, new byte[Block]);
        OracleRequest other = _oracle.BeginWrite(Block, second);
        _oracle.End(one, isDurable: false);
        _oracle.End(other, isDurable: false);

        Assert.Null(GapIf(new byte[Block], second));
    }

    private string? GapIf(byte[] first, byte[] second)
    {
        BlockOracle crashed = Crashed();
        crashed.Settle(0, first);
        crashed.Settle(1, second);
        return OracleHistory.FindGap([crashed]);
    }

    private BlockOracle Crashed()
    {
        BlockOracle copy = _oracle.Clone(new OracleHistory());
        copy.Crash();
        return copy;
    }

    private byte[] Write(long offset, int length, bool isDurable)
    {
        byte[] payload = new byte[length];
        _oracle.End(_oracle.BeginWrite(offset, payload), isDurable);
        return payload;
    }

    private void Read(long offset, byte[] payload) =>
        _oracle.EndRead(_oracle.BeginRead(offset, payload.Length), payload);

    private static byte[] Filled(byte value)
    {
        byte[] filled = new byte[Block];
        Array.Fill(filled, value);
        return filled;
    }
}
