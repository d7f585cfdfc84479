using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Host;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

/// <summary>Send and receive between a pipe and a daemon, over a real socket.</summary>
public sealed class StreamCommandsTests
{
    private static readonly byte[] Stream = [.. Enumerable.Range(0, 2_000_000).Select(i => (byte)(i % 253))];

    [Fact]
    public async Task A_stream_comes_out_as_the_daemon_sends_it()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.StreamsAsked.Stream = Stream;
        Assert.Equal(ExitCode.Done, await server.RunAsync("volume", "send", "-i", "mon", "tank/db@tue"));
        Assert.Equal(Stream, server.StandardOutput.ToArray());
        Assert.Equal(
            new SendStreamRequest("tank", "db", "tue", null, "mon", null),
            server.Daemon.StreamsAsked.Asked.Single());
        Assert.Empty(server.Error.ToString());
    }

    [Fact]
    public async Task What_to_send_is_named_as_people_name_it()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        await server.RunAsync("volume", "send", "-i", "mon", "tank/db@tue");
        await server.RunAsync("volume", "send", "-i", "tank/base@mon", "tank/db@tue");
        await server.RunAsync("volume", "send", "--resume", "0-1-2", "tank/db@tue");
        await server.RunAsync("volume", "send", "-n", "tank/db@tue");
        Assert.Contains("would send", server.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            [
                new SendStreamRequest("tank", "db", "tue", null, "mon", null),
                new SendStreamRequest("tank", "db", "tue", "base", "mon", null),
                new SendStreamRequest("tank", "db", "tue", null, null, "0-1-2"),
                ("estimate", new SendStreamRequest("tank", "db", "tue", null, null, null)),
            ],
            server.Daemon.StreamsAsked.Asked);
    }

    [Fact]
    public async Task A_stream_goes_in_as_it_comes()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.StandardInput = new MemoryStream(Stream);
        Assert.Equal(ExitCode.Done, await server.RunAsync("volume", "receive", "-F", "vault/db"));
        Assert.Equal(Stream, server.Daemon.StreamsAsked.Received.ToArray());
        Assert.Equal(("vault", "db", true), server.Daemon.StreamsAsked.Asked.Single());
        Assert.Contains("received vault/db@a", server.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_that_refuses_is_heard_while_the_sender_still_sends()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.StandardInput = new EndlessStream();
        server.Daemon.StreamsAsked.EnoughBytes = 1_000_000;
        server.Daemon.StreamsAsked.Fault = new Fault("stream-damaged", "record 7 is damaged", "");
        Assert.Equal(ExitCode.Failed, await server.RunAsync("volume", "receive", "vault/db"));
        Assert.Contains("record 7 is damaged", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_behind_the_data_is_the_commands_fault()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.StreamsAsked.Stream = Stream;
        server.Daemon.StreamsAsked.Fault = new Fault("stream-read", "block 5 cannot be read", "");
        Assert.Equal(ExitCode.Failed, await server.RunAsync("volume", "send", "tank/db@tue"));
        Assert.Contains("block 5 cannot be read", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pipe_that_nobody_reads_is_a_fault()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.StreamsAsked.Stream = Stream;
        server.IsOutputBroken = true;
        Assert.Equal(ExitCode.Failed, await server.RunAsync("volume", "send", "tank/db@tue"));
        Assert.Contains("broken pipe", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streams_are_kept_from_terminals()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.IsTerminal = true;
        Assert.Equal(ExitCode.Failed, await server.RunAsync("volume", "send", "tank/db@tue"));
        Assert.Equal(ExitCode.Failed, await server.RunAsync("volume", "receive", "vault/db"));
        Assert.Empty(server.Daemon.StreamsAsked.Asked);
        Assert.Equal(ExitCode.Done, await server.RunAsync("volume", "receive", "--abort", "vault/db"));
        Assert.Equal(("abort", "vault", "db"), server.Daemon.StreamsAsked.Asked.Single());
    }

    [Theory]
    [InlineData("send", "tank/db")]
    [InlineData("send", "tank@a")]
    [InlineData("send", "-i", "a", "--resume", "b", "tank/db@c")]
    [InlineData("receive", "tank")]
    public async Task What_is_mistyped_is_not_asked(params string[] words)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(ExitCode.Usage, await server.RunAsync(["volume", .. words]));
        Assert.Empty(server.Daemon.StreamsAsked.Asked);
    }

    private sealed class EndlessStream : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel = default) =>
            new(buffer.Length);
    }
}
