namespace Cstor.Daemon.Api;

/// <param name="Command"><c>start</c> (or go on), <c>pause</c> or <c>stop</c>.</param>
internal sealed record ScrubRequest(string Command)
{
    public const string Start = "start";
    public const string Pause = "pause";
    public const string Stop = "stop";
}
