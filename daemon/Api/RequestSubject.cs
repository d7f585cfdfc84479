using Microsoft.AspNetCore.Http;

namespace Cstor.Daemon.Api;

/// <summary>What a request is, in the words of the history.</summary>
internal static class RequestSubject
{
    /// <summary>What was typed, percent-encoded; from our command line.</summary>
    public const string CommandHeader = "Cstor-Command";

    private const int CommandMaximum = 1000;

    /// <param name="context">The request.</param>
    /// <param name="body">What came with it, or null.</param>
    public static ActDescription Describe(HttpContext context, object? body)
    {
        string typed = context.Request.Headers[CommandHeader].FirstOrDefault() ?? "";
        string command = typed.Length > 0
            ? Uri.UnescapeDataString(typed)
            : $"{context.Request.Method} {context.Request.Path}";
        return new ActDescription(
            context.Features.Get<LocalConnection>()?.UserName()
                ?? $"token at {context.Connection.RemoteIpAddress}",
            PoolOf(context, body),
            OneLine(command));
    }

    private static string PoolOf(HttpContext context, object? body) => body switch
    {
        CreatePoolRequest pool => pool.Name,
        ImportPoolRequest import => import.Pool,
        CreateVolumeRequest volume => volume.Pool,
        CreateSnapshotsRequest snapshots => snapshots.Pool,
        _ => context.Request.RouteValues.TryGetValue("pool", out object? pool) ? pool as string ?? "" : "",
    };

    /// <summary>Anybody may have sent it: it stays on its line, and short.</summary>
    private static string OneLine(string text)
    {
        string cut = text.Length > CommandMaximum ? text[..CommandMaximum] + "…" : text;
        return string.Concat(cut.Select(c => char.IsControl(c) ? '?' : c));
    }
}
