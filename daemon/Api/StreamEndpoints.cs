using Cstor.Engine.Host;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Api;

/// <summary>
/// Requests that carry a stream. A stream may last for days and be refused in the middle, and its receiver
/// must be able to say so while it is still being sent; so these connections leave HTTP behind and carry
/// frames both ways. There is no deadline: whoever waits here can see for what.
/// </summary>
internal sealed partial class StreamEndpoints(
    IStreamAdministration streams, IObservation observation, ILogger logger)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods(StreamRoutes.Send, ["GET"], new RequestDelegate(SendAsync));
        routes.MapMethods(StreamRoutes.Receive, ["POST"], new RequestDelegate(ReceiveAsync));
    }

    private Task SendAsync(HttpContext context)
    {
        SendStreamRequest request = new(
            Name(context, "pool"),
            Name(context, "volume"),
            Name(context, "snapshot"),
            Query(context, "from-volume"),
            Query(context, "from"),
            Query(context, "resume"));
        return UpgradeAsync(context, frames => Query(context, "estimate") is null
            ? streams.SendAsync(request, frames, context.RequestAborted)
            : streams.EstimateAsync(request));
    }

    private Task ReceiveAsync(HttpContext context)
    {
        string pool = Name(context, "pool");
        string volume = Name(context, "volume");
        return UpgradeAsync(context, frames => Query(context, "abort") is null
            ? streams.ReceiveAsync(pool, volume, Query(context, "force") is not null, frames)
            : streams.AbortReceiveAsync(pool, volume));
    }

    private async Task UpgradeAsync(
        HttpContext context, Func<StreamFrames, Task<Outcome<ActionReport>>> transfer)
    {
        if (context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true } upgrade)
        {
            await Endpoints.WriteProblemAsync(
                context,
                new Fault(
                    "bad-request",
                    "a stream needs a connection of its own",
                    $"Ask for an upgrade to {StreamRoutes.Protocol}"));
            return;
        }
        context.Response.Headers.Upgrade = StreamRoutes.Protocol;
        StreamFrames frames = new(await upgrade.UpgradeAsync());
        Outcome<ActionReport> outcome;
        try
        {
            outcome = await transfer(frames);
        }
        catch (Exception exception)
        {
            TransferFailed(exception, context.Request.Method, context.Request.Path);
            outcome = new Fault(
                "internal", $"the daemon failed: {exception.Message}", "See the daemon's log");
        }
        if (!outcome.IsOk)
        {
            TransferRefused(context.Request.Method, context.Request.Path, outcome.Fault.Message);
        }
        // What only reads is no act.
        bool isAct = HttpMethods.IsPost(context.Request.Method);
        if (isAct) observation.Record(RequestSubject.Describe(context, null), outcome);
        try
        {
            await frames.FinishAsync(outcome);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // Whoever asked is gone; the log has the outcome.
        }
    }

    private static string Name(HttpContext context, string key) => (string)context.Request.RouteValues[key]!;

    private static string? Query(HttpContext context, string key) =>
        context.Request.Query[key].FirstOrDefault();

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private partial void TransferFailed(Exception exception, string method, PathString path);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path} ended: {Reason}")]
    private partial void TransferRefused(string method, PathString path, string reason);
}
