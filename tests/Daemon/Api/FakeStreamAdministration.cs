using Cstor.Daemon.Api;
using Cstor.Engine.Host;

namespace Cstor.Tests.Daemon.Api;

/// <summary>Sends what the test wants, keeps what it receives, and answers as it is told.</summary>
internal sealed class FakeStreamAdministration : IStreamAdministration
{
    public List<object> Asked { get; } = [];

    public Fault? Fault { get; set; }

    /// <summary>What is sent.</summary>
    public byte[] Stream { get; set; } = [];

    /// <summary>What was received.</summary>
    public MemoryStream Received { get; } = new();

    /// <summary>A receiver that has its last word after so many bytes.</summary>
    public int EnoughBytes { get; set; } = int.MaxValue;

    public async Task<Outcome<ActionReport>> SendAsync(
        SendStreamRequest request, StreamFrames frames, CancellationToken gone)
    {
        Asked.Add(request);
        for (int at = 0; at < Stream.Length; at += 100_000)
        {
            int bytes = Math.Min(100_000, Stream.Length - at);
            Stream.AsMemory(at, bytes).CopyTo(frames.Room);
            await frames.WriteAsync(StreamFrameKind.Data, bytes, gone);
        }
        return Answer("sent tank/db@a");
    }

    public Task<Outcome<ActionReport>> EstimateAsync(SendStreamRequest request)
    {
        Asked.Add(("estimate", request));
        return Task.FromResult(Answer("would send tank/db@a: 5 blocks, 20K"));
    }

    public async Task<Outcome<ActionReport>> ReceiveAsync(
        string pool, string volume, bool force, StreamFrames frames)
    {
        Asked.Add((pool, volume, force));
        byte[] buffer = new byte[70_000];
        while (Received.Length < EnoughBytes && await frames.ReadAsync(buffer) is var bytes and > 0)
        {
            Received.Write(buffer, 0, bytes);
        }
        return Answer("received vault/db@a");
    }

    public Task<Outcome<ActionReport>> AbortReceiveAsync(string pool, string volume)
    {
        Asked.Add(("abort", pool, volume));
        return Task.FromResult(Answer("vault/db was new and is destroyed"));
    }

    private Outcome<ActionReport> Answer(string line) =>
        Fault is null ? new ActionReport(false, [line]) : Fault;
}
