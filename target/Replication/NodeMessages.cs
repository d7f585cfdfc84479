using System.Text;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Target.Replication;

/// <summary>
/// Questions that nodes ask each other outside of any group: make a replica, who leads, hand over. Text goes
/// both ways; what it means is up to who asks and who answers. A question is answered once or not at all.
/// </summary>
public sealed class NodeMessages : IFrameHandler
{
    private readonly ILoop _loop;
    private readonly PeerNetwork _network;
    private readonly Func<string, string, ValueTask<string>> _answer;
    private readonly Dictionary<ulong, (string Peer, TaskCompletionSource<string?> Answer)> _open = [];
    private ulong _lastRequest;

    /// <param name="loop">The network's.</param>
    /// <param name="network">The peers.</param>
    /// <param name="answer">Answers a peer's question; gets its name and the text.</param>
    public NodeMessages(ILoop loop, PeerNetwork network, Func<string, string, ValueTask<string>> answer)
    {
        _loop = loop;
        _network = network;
        _answer = answer;
        network.Join(Guid.Empty, this);
    }

    /// <summary>Asks a peer.</summary>
    /// <returns>The answer, or null if the peer cannot be reached or is silent for that long.</returns>
    public async ValueTask<string?> AskAsync(string peer, string text, long patienceNanoseconds)
    {
        byte[] payload = Encoding.UTF8.GetBytes(text);
        if (!_network.IsUp(peer) || payload.Length > Frame.MaximumPayloadBytes) return null;
        ulong request = ++_lastRequest;
        TaskCompletionSource<string?> answer = new();
        _open.Add(request, (peer, answer));
        ILoopTimer timer = _loop.CreateTimer(() => answer.TrySetResult(null));
        timer.Start(patienceNanoseconds);
        _network.Send(peer, new Frame { Kind = FrameKind.NodeQuestion, Request = request }, payload);
        string? received = await answer.Task;
        timer.Stop();
        _open.Remove(request);
        return received;
    }

    void IFrameHandler.OnFrame(string peer, in Frame frame, IoSlice payload)
    {
        string text = Encoding.UTF8.GetString(payload.Span);
        if (frame.Kind == FrameKind.NodeQuestion) Forward(AnswerAsync(peer, frame.Request, text));
        else if (frame.Kind == FrameKind.NodeAnswer && _open.TryGetValue(frame.Request, out var open)
            && open.Peer == peer)
            open.Answer.TrySetResult(text);
    }

    void IFrameHandler.OnPeerChanged(string peer, bool isUp)
    {
        foreach ((string asked, TaskCompletionSource<string?> answer) in _open.Values.ToArray())
            if (asked == peer)
                answer.TrySetResult(null);
    }

    private async ValueTask AnswerAsync(string peer, ulong request, string text)
    {
        byte[] answer = Encoding.UTF8.GetBytes(await _answer(peer, text));
        Check.That(answer.Length <= Frame.MaximumPayloadBytes);
        _network.Send(peer, new Frame { Kind = FrameKind.NodeAnswer, Request = request }, answer);
    }

    private static async void Forward(ValueTask work) => await work;
}
