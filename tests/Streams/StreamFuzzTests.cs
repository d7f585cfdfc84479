using System.Globalization;
using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Streams;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Streams;

/// <summary>
/// Streams of a forger: fields changed at random, records added, left out and exchanged, and every hash made
/// right again. Whatever comes, it is refused with a reason or makes the very volume that was sent; the pool
/// stays sound and goes on. CSTOR_FUZZ_INPUTS sets how many.
/// </summary>
[Trait("Category", "Fuzz")]
public sealed class StreamFuzzTests
{
    private static readonly int Inputs = int.Parse(
        Environment.GetEnvironmentVariable("CSTOR_FUZZ_INPUTS") ?? "2000", CultureInfo.InvariantCulture);

    [Fact]
    public void Forged_streams_make_nothing_that_was_not_sent() => Fuzz(Inputs, Forge);

    [Fact]
    public void The_fuzzer_finds_a_planted_fault() =>
        Assert.ThrowsAny<Exception>(() => Fuzz(3, (parcels, _) => ForgeAll(parcels)));

    private static void Fuzz(int inputs, Action<List<StreamParcel>, SimulatedRandom> forge)
    {
        SimulatedRandom random = SimulatedRandom.For(1, "forger");
        const int perFixture = 500;
        for (int done = 0; done < inputs; done += perFixture)
        {
            using StreamFixture fixture = DamagedStreamTests.Small((ulong)done + 1, out byte[] stream);
            byte[] content = [];
            fixture.Here.Run(async () => content = await StreamFixture.ReadAllAsync(
                fixture.Here, fixture.Tank.FindVolume("db")!));
            for (int i = 0; i < Math.Min(perFixture, inputs - done); i++)
            {
                List<StreamParcel> parcels = StreamParcel.Split(stream);
                forge(parcels, random);
                Fault? fault = fixture.Receive("copy", StreamParcel.Join(parcels), random.Coin());
                if (fault is null) Assert.Equal(content, fixture.Content("copy"));
                Forget(fixture, fault is null);
            }

            Assert.Null(fixture.Receive("copy", stream));
            fixture.AssertClean();
            fixture.Close();
        }
    }

    private static void Forget(StreamFixture fixture, bool isWhole)
    {
        Volume? copy = fixture.Vault.FindVolume("copy");
        Assert.Equal(isWhole, copy is { IsReceiving: false });
        if (copy is null) return;
        fixture.There.Run(async () => Assert.Null(isWhole
            ? (await fixture.Vault.DestroyVolumeAsync("copy", withSnapshots: true)).Fault
            : (await fixture.Vault.Streams.AbortAsync("copy")).Fault));
    }

    private static void Forge(List<StreamParcel> parcels, SimulatedRandom random)
    {
        int changes = random.Between(1, 3);
        for (int i = 0; i < changes; i++)
        {
            int at = random.Below(parcels.Count);
            switch (random.Below(8))
            {
                case 0: parcels.Insert(at, parcels[random.Below(parcels.Count)]); break;
                case 1 when parcels.Count > 1: parcels.RemoveAt(at); break;
                case 2: parcels.Reverse(at, Math.Min(2, parcels.Count - at)); break;
                case 3: parcels[at] = Changed(parcels[at], random); break;
                case 4: parcels[at] = WithBlocks(parcels[at], random); break;
                case 5: parcels[at] = WithPayload(parcels[at], random); break;
                default: parcels[at] = WithKind(parcels[at], random); break;
            }
        }
    }

    // Any byte of the header or the payload.
    private static StreamParcel Changed(StreamParcel parcel, SimulatedRandom random)
    {
        byte[] header = new byte[StreamRecordHeader.Bytes];
        MemoryMarshal.Write(header, in parcel.Header);
        byte[] payload = [.. parcel.Payload];
        byte[] victim = payload.Length > 0 && random.Coin() ? payload : header;
        victim[random.Below(victim.Length)] = (byte)random.Below(256);
        return new StreamParcel
        {
            Header = MemoryMarshal.Read<StreamRecordHeader>(header),
            Payload = payload,
        };
    }

    private static StreamParcel WithBlocks(StreamParcel parcel, SimulatedRandom random)
    {
        ulong[] numbers = [0, 1, 2, 62, 63, 64, 65, 255, 256, 1UL << 40, 1UL << 63, ulong.MaxValue];
        StreamRecordHeader header = parcel.Header;
        header.Block = numbers[random.Below(numbers.Length)];
        if (random.Coin()) header.BlockCount = numbers[random.Below(numbers.Length)];
        return new StreamParcel { Header = header, Payload = parcel.Payload };
    }

    private static StreamParcel WithPayload(StreamParcel parcel, SimulatedRandom random)
    {
        int[] lengths = [0, 1, 100, 4096, 16_384, 131_072];
        byte[] payload = new byte[lengths[random.Below(lengths.Length)]];
        if (random.Coin()) random.Fill(payload);
        parcel.Payload.AsSpan(0, Math.Min(payload.Length, parcel.Payload.Length)).CopyTo(payload);
        StreamRecordHeader header = parcel.Header;
        if (random.Coin()) header.Compression = (CompressionKind)random.Below(4);
        if (random.Coin() && payload.Length > 0) header.ContentHash = Xxh128.Compute(payload);
        return new StreamParcel { Header = header, Payload = payload };
    }

    private static StreamParcel WithKind(StreamParcel parcel, SimulatedRandom random)
    {
        StreamRecordHeader header = parcel.Header;
        header.Kind = (StreamRecordKind)random.Below(6);
        if (random.Coin()) header.ContentHash = default;
        if (random.Coin()) header.Compression = CompressionKind.Off;
        return new StreamParcel { Header = header, Payload = random.Coin() ? [] : parcel.Payload };
    }

    // A forger who knows all hashes makes a stream that is right, and of something else.
    private static void ForgeAll(List<StreamParcel> parcels)
    {
        Hash128[] hashes = new Hash128[Layout.NodeFanout];
        byte[] block = new byte[16_384];
        block[0] = 1;
        parcels.RemoveRange(2, parcels.Count - 3);
        parcels[1].Payload = block;
        parcels[1].Header.Compression = CompressionKind.Off;
        parcels[1].Header.ContentHash = hashes[0] = Xxh128.Compute(block);
        parcels[2].Header.Block = 1;
        parcels[2].Header.ContentHash = Xxh128.Compute(MemoryMarshal.AsBytes(hashes.AsSpan()));
    }
}
