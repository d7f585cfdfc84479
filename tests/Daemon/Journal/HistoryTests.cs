using Cstor.Daemon.Api;
using Cstor.Daemon.Journal;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Daemon.Journal;

public sealed class HistoryTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Acts_outlive_the_daemon_and_keep_their_order_and_numbers()
    {
        using (History history = Open())
        {
            history.Record(new("root", "tank", "cstor pool create tank /dev/sdb"), Done("created"));
            history.Record(
                new("alice", "tank", "cstor pool destroy tank"), new Fault("pool-not-empty", "no"));
        }
        using History again = Open();
        again.Record(new("root", "other", "cstor pool create other /dev/sdc"), Done("created"));
        HistoryEntry[] all = again.List(null, 0);
        Assert.Equal([1L, 2, 3], all.Select(entry => entry.Sequence));
        Assert.Equal(["done", "pool-not-empty", "done"], all.Select(entry => entry.Result));
        Assert.Equal(["no"], all[1].Lines);
        Assert.Equal(2, again.List("tank", 0).Length);
        Assert.Equal("other", Assert.Single(again.List(null, 1)).Pool);
    }

    [Fact]
    public void A_line_that_a_crash_tore_is_skipped_and_the_next_one_is_not_lost_with_it()
    {
        using (History history = Open()) history.Record(new("root", "tank", "first"), Done("1"));
        string path = _scratch["history.jsonl"];
        File.AppendAllText(path, "{\"sequence\":2,\"ti");
        using (History history = Open()) history.Record(new("root", "tank", "second"), Done("2"));
        using History again = Open();
        Assert.Equal(["first", "second"], again.List(null, 0).Select(entry => entry.Command));
    }

    [Fact]
    public void Files_are_bounded_and_the_newest_acts_are_the_ones_that_stay()
    {
        string filler = new('x', 100_000);
        using (History history = Open())
        {
            for (int i = 0; i < 40; i++) history.Record(new("root", "tank", $"act {i}"), Done(filler));
        }
        long bytes = Directory.GetFiles(_scratch.Path).Sum(file => new FileInfo(file).Length);
        Assert.InRange(bytes, 1, 3 << 20);
        using History again = Open();
        HistoryEntry[] kept = again.List(null, 0);
        Assert.InRange(kept.Length, 10, 39);
        Assert.Equal("act 39", kept[^1].Command);
        Assert.Equal(Enumerable.Range(40 - kept.Length, kept.Length).Select(i => $"act {i}"),
            kept.Select(entry => entry.Command));
    }

    [Fact]
    public void What_is_in_memory_is_bounded_too()
    {
        using History history = Open();
        for (int i = 0; i < History.MaximumEntries + 5; i++)
        {
            history.Record(new("root", "", $"{i}"), Done("x"));
        }

        HistoryEntry[] kept = history.List(null, 0);
        Assert.Equal(History.MaximumEntries, kept.Length);
        Assert.Equal("5", kept[0].Command);
    }

    [Fact]
    public void A_disk_that_takes_nothing_does_not_stop_the_daemon_from_acting()
    {
        Directory.CreateDirectory(_scratch["history.jsonl"]);
        using History history = Open();
        history.Record(new("root", "tank", "act"), Done("done"));
        Assert.Single(history.List(null, 0));
    }

    private static Outcome<ActionReport> Done(string line) => new ActionReport(false, [line]);

    private History Open() => new(_scratch.Path, TimeProvider.System, NullLogger.Instance);
}
