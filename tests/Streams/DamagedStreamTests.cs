using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Streams;
using Xunit;

namespace Cstor.Tests.Streams;

/// <summary>A stream that is damaged anywhere makes no snapshot, and hurts nothing.</summary>
public sealed class DamagedStreamTests
{
    [Fact]
    public void Damage_at_any_byte_is_refused()
    {
        using StreamFixture fixture = Small(1, out byte[] stream);
        for (int at = 0; at < stream.Length; at++)
        {
            byte[] damaged = [.. stream];
            damaged[at] ^= (byte)(1 << (at % 8));
            Fault? fault = fixture.Receive("copy", damaged);
            Assert.True(fault?.Code is "stream-damaged" or "stream-ended", $"byte {at}: {fault}");
            Forget(fixture);
        }

        Assert.Null(fixture.Receive("copy", stream));
        fixture.AssertClean();
        fixture.Close();
    }

    [Fact]
    public void A_stream_that_ends_too_soon_is_refused()
    {
        using StreamFixture fixture = Small(2, out byte[] stream);
        for (int length = 0; length < stream.Length; length += 5)
        {
            Assert.Equal("stream-ended", fixture.Receive("copy", stream.AsSpan(0, length))?.Code);
            Forget(fixture);
        }

        Assert.Null(fixture.Receive("copy", [.. stream, 1, 2, 3]));
        fixture.Close();
    }

    [Fact]
    public void Records_of_another_stream_do_not_fit()
    {
        using StreamFixture fixture = ReceiveRefusalTests.Sent(3, out byte[] full, out byte[] next);
        int begin = StreamRecordHeader.Bytes + StreamBegin.Bytes;
        Assert.Equal("stream-damaged", fixture.Receive("copy", [.. full[..begin], .. next[begin..]])?.Code);
        Forget(fixture);
        int record = StreamRecordHeader.Bytes + 4096;
        byte[] missing = [.. full[..(begin + record)], .. full[(begin + (2 * record))..]];
        Assert.Equal("stream-damaged", fixture.Receive("copy", missing)?.Code);
    }

    [Fact]
    public void A_right_chain_around_wrong_content_does_not_pass_the_end()
    {
        using StreamFixture fixture = Small(4, out byte[] stream);
        List<StreamParcel> parcels = StreamParcel.Split(stream);
        // One block less, and nobody would know but for the hash of all.
        parcels.RemoveAll(parcel => parcel.Header is { Kind: StreamRecordKind.Data, Block: 1 });
        parcels[^1].Header.Block--;
        Assert.Equal("stream-mismatch", fixture.Receive("copy", StreamParcel.Join(parcels))?.Code);
        Assert.True(fixture.Vault.FindVolume("copy")!.IsReceiving);
        Assert.Null(fixture.Vault.FindSnapshot("copy", "a"));
        // The right one, from its beginning, mends it.
        Assert.Null(fixture.Receive("copy", stream));
        Assert.False(fixture.Vault.FindVolume("copy")!.IsReceiving);
        fixture.AssertClean();
    }

    [Fact]
    public void A_feature_nobody_knows_is_refused_by_name()
    {
        using StreamFixture fixture = Small(5, out byte[] stream);
        List<StreamParcel> parcels = StreamParcel.Split(stream);
        Assert.Null(StreamBegin.TryRead(parcels[0].Payload, out StreamBegin? begin));
        (begin! with { Features = "telepathy" }).Write(parcels[0].Payload);
        Fault? fault = fixture.Receive("copy", StreamParcel.Join(parcels));
        Assert.Equal("stream-feature", fault?.Code);
        Assert.Contains("telepathy", fault!.Message, StringComparison.Ordinal);
        Assert.Null(fixture.Vault.FindVolume("copy"));
    }

    [Fact]
    public void A_block_that_decompresses_to_more_is_refused()
    {
        using StreamFixture fixture = Small(6, out byte[] stream, "zstd");
        List<StreamParcel> parcels = StreamParcel.Split(stream);
        Assert.Null(StreamBegin.TryRead(parcels[0].Payload, out StreamBegin? begin));
        Assert.Equal(CompressionKind.Zstd, parcels[1].Header.Compression);
        (begin! with { BlockShift = 12 }).Write(parcels[0].Payload);
        Assert.Equal("stream-damaged", fixture.Receive("copy", StreamParcel.Join(parcels))?.Code);
    }

    /// <summary>A volume with few blocks, and its stream.</summary>
    internal static StreamFixture Small(ulong seed, out byte[] stream, string compression = "lz4")
    {
        StreamFixture fixture = new(seed);
        Volume volume = fixture.Create("db", 1 << 20, 16384, compression);
        byte[] bytes = new byte[16384];
        foreach (int block in new[] { 0, 1, 63 })
        {
            bytes.AsSpan().Fill((byte)(block + 1));
            fixture.Write(volume, block * 16384L, bytes);
        }

        fixture.Snapshot("db", "a");
        stream = fixture.Send("db", "a");
        return fixture;
    }

    internal static void Forget(StreamFixture fixture)
    {
        if (fixture.Vault.FindVolume("copy") is not { } copy) return;
        Assert.True(copy.IsReceiving);
        Assert.Empty(fixture.Vault.Snapshots);
        fixture.There.Run(async () => Assert.Null((await fixture.Vault.Streams.AbortAsync("copy")).Fault));
    }
}
