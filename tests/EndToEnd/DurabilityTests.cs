using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// The promise that matters: what was flushed is there after a kill, on the disks as they are. Writers
/// record what was acknowledged; a block may show the last value flushed or a later one, and nothing else.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class DurabilityTests(ITestOutputHelper output)
{
    private const int BlockBytes = 16384;
    private const int BlocksOfWriter = 64;
    private const int Writers = 3;
    private const int Rounds = 4;

    [RequiresFact("qemu-io", "stdbuf", "qemu-img")]
    public void Every_flushed_byte_is_there_after_a_kill()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "64M");
        Ledger[] ledgers = [.. Enumerable.Range(0, Writers).Select(_ => new Ledger(BlocksOfWriter))];
        Random chance = new(20261121);
        for (int round = 0; round < Rounds; round++)
        {
            QemuIoSession[] sessions = [.. ledgers.Select(_ => new QemuIoSession(daemon.Url("tank/v")))];
            for (int i = 0; i < Writers; i++) SendWrites(sessions[i], ledgers[i], i, chance);
            sessions[0].WaitForWrites(chance.Next(20, 120));
            daemon.Kill();
            for (int i = 0; i < Writers; i++) ledgers[i].Settle(sessions[i].AcknowledgedWrites.Length);
            foreach (QemuIoSession session in sessions) session.Dispose();
            daemon.Start();
            Verify(daemon, ledgers, round);
        }

        Assert.Equal("online", daemon.Json("pool", "status", "tank").GetProperty("health").GetString());
    }

    [RequiresFact("qemu-io")]
    public void Sync_always_makes_each_acknowledged_write_durable()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "64M");
        daemon.CliOk("volume", "set", "tank/v", "sync=always");
        using (QemuIoSession session = new(daemon.Url("tank/v")))
        {
            for (int i = 0; i < 50; i++) session.Send($"write -P {i + 1} {i * 8192} 8192");
            session.EndInput();
            session.WaitForWrites(50);
            daemon.Kill();
        }

        daemon.Start();
        IEnumerable<string> reads = Enumerable.Range(0, 50).Select(i => $"read -P {i + 1} {i * 8192} 8192");
        IEnumerable<string> steps = reads.SelectMany(read => new[] { "-c", read });
        ToolResult result = Tool.Run("qemu-io", ["-f", "raw", daemon.Url("tank/v"), .. steps]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain("failed", result.All, StringComparison.Ordinal);
    }

    /// <summary>
    /// More than will be done before the kill: overwrites in random order, a flush after every few.
    /// </summary>
    private static void SendWrites(QemuIoSession session, Ledger ledger, int writer, Random chance)
    {
        for (int i = 0; i < 400; i++)
        {
            int block = chance.Next(BlocksOfWriter);
            byte value = ledger.Plan(block);
            long offset = ((long)writer * BlocksOfWriter + block) * BlockBytes;
            session.Send($"write -P {value} {offset} {BlockBytes}");
            if (chance.Next(4) != 0) continue;
            ledger.PlanFlush();
            session.Send("flush");
        }

        session.EndInput();
    }

    private static void Verify(DaemonFixture daemon, Ledger[] ledgers, int round)
    {
        string copy = Path.Combine(daemon.Folder, "copy.raw");
        Tool.Check("qemu-img", "convert", "-f", "raw", "-O", "raw", daemon.Url("tank/v"), copy);
        using FileStream file = File.OpenRead(copy);
        byte[] content = new byte[BlockBytes];
        List<string> wrong = [];
        for (int i = 0; i < Writers * BlocksOfWriter; i++)
        {
            file.ReadExactly(content);
            bool isWhole = !content.AsSpan().ContainsAnyExcept(content[0]);
            string? reason = isWhole
                ? ledgers[i / BlocksOfWriter].Judge(i % BlocksOfWriter, content[0])
                : "is a mixture";
            if (reason is not null) wrong.Add($"round {round}, block {i}: {reason}");
        }

        File.Delete(copy);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }
}
