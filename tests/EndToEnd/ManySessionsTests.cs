using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>A thousand initiators at once, beside those that only hold on to what they have.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class ManySessionsTests(ITestOutputHelper output)
{
    private const int Sessions = 1000;
    private const int Rounds = 10;
    private const int BlockBytes = 4096;

    /// <summary>A fifth more than the 281 MiB that were measured.</summary>
    private const int MaximumPeakMiB = 340;

    private const int Misbehaving = 50;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [RequiresFact]
    public async Task A_thousand_sessions_write_and_verify_beside_stalled_ones_in_bounded_memory()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "256M");
        string target = DaemonFixture.TargetName("tank/v");
        List<WireClient> idle = await MisbehaveAsync(daemon.Port, target);
        Stopwatch watch = Stopwatch.StartNew();
        WireClient[] clients = new WireClient[Sessions];
        for (int i = 0; i < Sessions; i++)
            clients[i] = await WireClient.LogInAsync(daemon.Port, target, i).WaitAsync(Patience);
        output.WriteLine($"{Sessions} logins in {watch.ElapsedMilliseconds} ms");
        JsonElement listed = daemon.Json("target", "list")[0];
        Assert.True(listed.GetProperty("sessions").GetArrayLength() >= Sessions);
        watch.Restart();
        await Task.WhenAll(clients.Select(VerifyAsync)).WaitAsync(TimeSpan.FromSeconds(120));
        output.WriteLine($"{2 * Rounds * Sessions} requests in {watch.ElapsedMilliseconds} ms");
        int peakMiB = PeakKilobytes(daemon.ProcessId) / 1024;
        output.WriteLine($"peak of the daemon's memory: {peakMiB} MiB");
        Assert.InRange(peakMiB, 1, MaximumPeakMiB);
        foreach (WireClient client in clients.Concat(idle)) client.Dispose();
    }

    /// <summary>
    /// Half-open connections, logins that stop half-way, writes without data, reads that nobody takes.
    /// </summary>
    private static async Task<List<WireClient>> MisbehaveAsync(int port, string target)
    {
        List<WireClient> clients = [];
        for (int i = 0; i < Misbehaving; i++)
        {
            clients.Add(await WireClient.ConnectAsync(port));
            clients.Add(await WireClient.ConnectAsync(port));
            await clients[^1].SendHalfALoginAsync();
            clients.Add(await WireClient.LogInAsync(port, target, 10_000 + i));
            await clients[^1].BeginWriteAsync(0, 1 << 20);
            clients.Add(await WireClient.LogInAsync(port, target, 20_000 + i));
            await clients[^1].AskWithoutTakingAsync(32, 1 << 20);
        }

        return clients;
    }

    private static async Task VerifyAsync(WireClient client, int number)
    {
        byte[] written = new byte[BlockBytes];
        for (int round = 0; round < Rounds; round++)
        {
            // Sixteen blocks for each, behind those that the stalled ones name.
            uint block = (uint)(4096 + (number * 16 + round % 16) * (BlockBytes / 512));
            new Random(number * Rounds + round).NextBytes(written);
            await client.WriteAsync(block, written);
            ReadOnlyMemory<byte> read = await client.ReadAsync(block, BlockBytes);
            Assert.True(read.Span.SequenceEqual(written), $"session {number}, round {round}: other bytes");
        }
    }

    private static int PeakKilobytes(int process)
    {
        string line = File.ReadLines($"/proc/{process}/status")
            .First(line => line.StartsWith("VmHWM", StringComparison.Ordinal));
        string number = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1];
        return int.Parse(number, CultureInfo.InvariantCulture);
    }
}
