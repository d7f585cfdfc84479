using System.Net;
using System.Text.Json;
using Cstor.Daemon.Api;
using Cstor.Daemon.Service;
using Cstor.Daemon.State;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Target.Replication;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Replicas;

/// <summary>
/// The nodes that this one replicates with: named by the operator, asked for what groups need of them. Called
/// from any thread.
/// </summary>
internal sealed partial class PeerService(
    LinuxLoop loop, PeerNetwork? network, IPEndPoint? listening, PeerFile file, ILogger logger)
{
    /// <summary>How long a peer may take to make or destroy a replica.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private NodeMessages? _messages;

    /// <summary>Of this node; empty where it has no peers.</summary>
    public string NodeName => network?.Name ?? "";

    public static Fault NoPeers => new(
        "no-peers", "this daemon has no peers", "Start it with --peer ADDR:PORT and --peer-key-file FILE");

    /// <summary>Reaches for the peers, and answers them. On the loop.</summary>
    /// <param name="answer">Answers what a peer asks. Called from any thread.</param>
    public void Start(Func<PeerRequest, Task<PeerReply>> answer)
    {
        if (network is null) return;
        _messages = new NodeMessages(loop, network, (peer, text) => AnswerAsync(peer, text, answer));
        foreach (KnownPeer peer in file.All)
        {
            if (EndPointText.Parse(peer.Address, DefaultPort) is { } endPoint)
            {
                network.AddPeer(peer.Name, endPoint);
            }
        }
    }

    public async Task<Outcome<PeerView[]>> ListAsync()
    {
        if (network is null) return NoPeers;
        IReadOnlyList<PeerStatus> peers = await loop.ReadAsync(() => network.Peers);
        return (PeerView[])
        [
            new(network.Name, listening?.ToString() ?? "", "this node", ""),
            .. peers.Select(static peer => new PeerView(
                peer.Name, peer.EndPoint.ToString(), peer.IsConnected ? "connected" : "not connected",
                peer.Reason)),
        ];
    }

    public async Task<Outcome<ActionReport>> AddAsync(PeerChangeRequest request)
    {
        if (network is null) return NoPeers;
        if (NodeNames.Check(request.Name) is { } wrong)
        {
            return new Fault("bad-request", wrong, "Use the name that the peer has by its --node");
        }
        if (request.Name == network.Name)
        {
            return new Fault("bad-request", $"{request.Name} is this node", "Name another one");
        }
        if (EndPointText.Parse(request.Address, DefaultPort) is not { Port: > 0 } endPoint)
        {
            return new Fault(
                "bad-request", $"'{request.Address}' is no ADDR:PORT", "Write one such as 10.0.0.6:3270");
        }
        if (TryKeep(() => file.Remember(new KnownPeer(request.Name, endPoint.ToString()))) is { } fault)
        {
            return fault;
        }
        await loop.ReadAsync(() =>
        {
            network.AddPeer(request.Name, endPoint);
            return true;
        });
        Added(request.Name, endPoint);
        return PoolTexts.Done(
            $"peer {request.Name} is at {endPoint}; name this node there too: "
                + $"cstor peer add {network.Name} {listening}");
    }

    /// <summary>Refused while a group has that node.</summary>
    /// <param name="request">Which.</param>
    /// <param name="findUse">Says which volume has a replica there, or null. On the loop.</param>
    public async Task<Outcome<ActionReport>> RemoveAsync(
        PeerChangeRequest request, Func<string, string?> findUse)
    {
        if (network is null) return NoPeers;
        if (file.All.All(peer => peer.Name != request.Name))
        {
            return new Fault("no-such-peer", $"there is no peer '{request.Name}'", "See: cstor peer list");
        }
        if (await loop.ReadAsync(() => findUse(request.Name)) is { } use)
        {
            return new Fault(
                "peer-in-use", $"{use} has a replica or its witness on {request.Name}",
                $"Remove it first: cstor replica remove {use} {request.Name}");
        }
        if (TryKeep(() => file.Forget(request.Name)) is { } fault) return fault;
        await loop.ReadAsync(() =>
        {
            network.RemovePeer(request.Name);
            return true;
        });
        Removed(request.Name);
        return PoolTexts.Done($"peer {request.Name} removed");
    }

    /// <summary>Asks a peer. Fault: it cannot be reached, or its own.</summary>
    public async Task<Outcome<PeerReply>> AskAsync(
        string peer, PeerRequest request, TimeSpan? patience = null)
    {
        if (network is null || _messages is null) return NoPeers;
        string text = JsonSerializer.Serialize(request, PeerJson.Default.PeerRequest);
        long nanoseconds = (long)(patience ?? Patience).TotalMilliseconds * 1_000_000;
        string? answer = await loop.InvokeAsync(() => _messages.AskAsync(peer, text, nanoseconds));
        if (answer is null) return await UnreachableAsync(peer);
        if (Parse(answer) is not { } reply)
        {
            return new Fault(
                "peer-answer", $"{peer} gives an answer that this node does not understand",
                "Use the same version on both");
        }
        return reply.Problem is { } problem
            ? problem.ToFault() with { Message = $"{peer}: {problem.Message}" }
            : reply;
    }

    private static PeerReply? Parse(string answer)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, PeerJson.Default.PeerReply);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private const int DefaultPort = Configuration.DaemonOptions.DefaultPeerPort;

    private async Task<Fault> UnreachableAsync(string peer)
    {
        IReadOnlyList<PeerStatus> peers = await loop.ReadAsync(() => network!.Peers);
        PeerStatus? status = peers.FirstOrDefault(known => known.Name == peer);
        if (status is null)
        {
            return new Fault(
                "no-such-peer", $"there is no peer '{peer}'",
                $"Name it on both sides: cstor peer add {peer} ADDR:PORT");
        }
        string reason = status.IsConnected ? "it does not answer"
            : status.Reason.Length > 0 ? status.Reason : "it is not connected";
        return new Fault("peer-unreachable", $"{peer} cannot be reached: {reason}", "See: cstor peer list");
    }

    /// <summary>The answer is made off the loop, which goes on meanwhile.</summary>
    private async ValueTask<string> AnswerAsync(
        string peer, string text, Func<PeerRequest, Task<PeerReply>> answer)
    {
        TaskCompletionSource<string> done = new();
        _ = Task.Run(async () =>
        {
            string reply = await AnswerTextAsync(peer, text, answer);
            loop.Post(() => done.SetResult(reply));
        });
        return await done.Task;
    }

    private async Task<string> AnswerTextAsync(
        string peer, string text, Func<PeerRequest, Task<PeerReply>> answer)
    {
        PeerReply reply;
        try
        {
            PeerRequest? request = JsonSerializer.Deserialize(text, PeerJson.Default.PeerRequest);
            reply = request is null
                ? new PeerReply(new Problem("bad-request", "an empty request", ""))
                : await answer(request);
        }
        catch (JsonException exception)
        {
            reply = new PeerReply(new Problem("bad-request", exception.Message, "Use the same version"));
        }
        if (reply.Problem is { } problem) Refused(peer, problem.Message);
        return JsonSerializer.Serialize(reply, PeerJson.Default.PeerReply);
    }

    private static Fault? TryKeep(Action save)
    {
        try
        {
            save();
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Fault(
                "state-dir", $"the peers cannot be kept: {exception.Message}",
                "Correct the state directory");
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "peer {Peer} is at {Address}")]
    private partial void Added(string peer, IPEndPoint address);

    [LoggerMessage(Level = LogLevel.Information, Message = "peer {Peer} removed")]
    private partial void Removed(string peer);

    [LoggerMessage(Level = LogLevel.Information, Message = "refused to {Peer}: {Reason}")]
    private partial void Refused(string peer, string reason);
}
