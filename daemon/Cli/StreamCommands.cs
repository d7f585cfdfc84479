using System.CommandLine;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Cli;

/// <summary>
/// <c>cstor volume send</c> and <c>cstor volume receive</c>: between the daemon and a pipe or a file.
/// </summary>
internal sealed class StreamCommands(CommandBuilder builder)
{
    private readonly CliContext _context = builder.Context;

    private readonly Option<bool> _verbose =
        new("--verbose", "-v") { Description = "Say on standard error how far it is" };

    public Command BuildSend()
    {
        Argument<string> name = ArgumentReaders.Snapshot("The snapshot to send");
        Option<string?> from = new("--incremental", "-i")
        {
            Description = "Only what changed since this snapshot, which the receiver has; of the same "
                + "volume, or the one it was cloned from",
            HelpName = "SNAP",
        };
        Option<string?> resume = new("--resume")
        {
            Description = "The rest of a stream that broke off: the receiver's property 'receiving'",
            HelpName = "TOKEN",
        };
        Command command = new(
            "send",
            "Write a snapshot to standard output, for a file or 'volume receive'.\n\n"
                + "Example: cstor volume send -i mon tank/db@tue | ssh other cstor volume receive vault/db")
        {
            builder.DryRun, _verbose, from, resume, name,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(from) is not null && result.GetValue(resume) is not null)
            {
                result.AddError("the token of --resume says from which snapshot: leave -i away");
            }
        });
        command.SetAction((parse, cancel) => SendAsync(
            parse,
            RouteOf(parse.GetRequiredValue(name), parse.GetValue(from), parse.GetValue(resume)),
            cancel));
        return command;
    }

    public Command BuildReceive()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Option<bool> force = new("--force", "-F")
        {
            Description = "Undo what changed since the snapshot from which the stream goes on, later "
                + "snapshots included",
        };
        Option<bool> abort = new("--abort")
        {
            Description = "Give up a stream that broke off; the volume is again what it was, a new one goes",
        };
        Command command = new(
            "receive",
            "Read a stream from standard input into a volume: a new one, or what the sender's was.\n\n"
                + "Example: cstor volume receive vault/db < db.stream")
        {
            force, abort, _verbose, name,
        };
        command.SetAction((parse, cancel) =>
        {
            Names.Split(parse.GetRequiredValue(name), out string pool, out string volume);
            string query = parse.GetValue(abort) ? "?abort=1" : parse.GetValue(force) ? "?force=1" : "";
            string route = Routes.Fill(StreamRoutes.Receive, pool, volume) + query;
            return parse.GetValue(abort)
                ? AbortAsync(parse, route, cancel)
                : ReceiveAsync(parse, route, cancel);
        });
        return command;
    }

    private async Task<int> SendAsync(ParseResult parse, string route, CancellationToken cancel)
    {
        bool isDryRun = parse.GetValue(builder.DryRun);
        if (_context.IsTerminal && !isDryRun)
        {
            return builder.Fail(new Fault(
                "stream-terminal", "a stream is nothing to look at", "Send it to a file or a pipe: > FILE"));
        }
        using AdminClient client = builder.Connect(parse);
        Outcome<StreamFrames> opened = await client.OpenAsync(
            HttpMethod.Get, isDryRun ? route + "&estimate=1" : route, cancel);
        if (!opened.IsOk) return builder.Fail(opened.Fault);
        StreamFrames frames = opened.Value;
        using Stream output = _context.OpenOutput();
        StreamProgress progress = new(_context.Error, parse.GetValue(_verbose));
        byte[] buffer = new byte[StreamFrames.DataMaximumBytes];
        while (await ReadAsync(frames, buffer, cancel) is var bytes and > 0)
        {
            try
            {
                await output.WriteAsync(buffer.AsMemory(0, bytes), cancel);
            }
            catch (IOException exception)
            {
                return builder.Fail(new Fault(
                    "stream-output",
                    $"the stream cannot be written: {exception.Message.ToLowerInvariant()}",
                    "What a receiver has is kept there; send the rest with --resume"));
            }
            progress.Add(bytes);
        }
        return Report(frames, isDryRun ? _context.Out : parse.GetValue(_verbose) ? _context.Error : null);
    }

    private async Task<int> ReceiveAsync(ParseResult parse, string route, CancellationToken cancel)
    {
        if (_context.IsInputTerminal)
        {
            return builder.Fail(new Fault(
                "stream-terminal", "a stream cannot be typed", "Read it from a file or a pipe: < FILE"));
        }
        using AdminClient client = builder.Connect(parse);
        Outcome<StreamFrames> opened = await client.OpenAsync(HttpMethod.Post, route, cancel);
        if (!opened.IsOk) return builder.Fail(opened.Fault);
        StreamProgress progress = new(_context.Error, parse.GetValue(_verbose));
        // Not awaited: the daemon may have its last word while the input waits for more.
        _ = PumpAsync(opened.Value, progress, cancel);
        await ReadAsync(opened.Value, new byte[1], cancel);
        return Report(opened.Value, _context.Out);
    }

    private async Task<int> AbortAsync(ParseResult parse, string route, CancellationToken cancel)
    {
        using AdminClient client = builder.Connect(parse);
        Outcome<StreamFrames> opened = await client.OpenAsync(HttpMethod.Post, route, cancel);
        if (!opened.IsOk) return builder.Fail(opened.Fault);
        await ReadAsync(opened.Value, new byte[1], cancel);
        return Report(opened.Value, _context.Out);
    }

    private async Task PumpAsync(StreamFrames frames, StreamProgress progress, CancellationToken cancel)
    {
        using Stream input = _context.OpenInput();
        int bytes;
        do
        {
            try
            {
                bytes = await input.ReadAsync(frames.Room, cancel);
            }
            catch (IOException exception)
            {
                builder.Note($"standard input cannot be read: {exception.Message}");
                bytes = 0;
            }
            progress.Add(bytes);
            try
            {
                await frames.WriteAsync(
                    bytes > 0 ? StreamFrameKind.Data : StreamFrameKind.End, bytes, cancel);
            }
            catch (IOException)
            {
                // The daemon reads no more, and says why.
                return;
            }
        }
        while (bytes > 0);
    }

    /// <summary>A connection that breaks is one that ends without a verdict.</summary>
    private static async Task<int> ReadAsync(StreamFrames frames, byte[] buffer, CancellationToken cancel)
    {
        try
        {
            return await frames.ReadAsync(buffer, cancel);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private int Report(StreamFrames frames, TextWriter? output)
    {
        Outcome<ActionReport> verdict = frames.Verdict();
        if (!verdict.IsOk) return builder.Fail(verdict.Fault);
        foreach (string line in verdict.Value.Lines) output?.WriteLine(line);
        return ExitCode.Done;
    }

    private static string RouteOf(string snapshot, string? from, string? resume)
    {
        SnapshotNames.Split(snapshot, out string pool, out string volume, out string name);
        string route = Routes.Fill(StreamRoutes.Send, pool, volume, name) + "?";
        if (resume is not null) route += "resume=" + Uri.EscapeDataString(resume);
        if (from is null) return route;
        int at = from.IndexOf('@', StringComparison.Ordinal);
        route += "from=" + Uri.EscapeDataString(from[(at + 1)..]);
        if (at <= 0) return route;
        SnapshotNames.Split(from, out _, out string fromVolume, out _);
        return route + "&from-volume=" + Uri.EscapeDataString(fromVolume);
    }
}
