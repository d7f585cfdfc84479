using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cstor.Daemon.Metrics;
using Cstor.Engine.Host;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cstor.Daemon.Api;

/// <summary>Requests that ask what was done and what happened; one of them goes on.</summary>
internal sealed class ObservationEndpoints(IObservation observation, Deadlines deadlines)
{
    /// <summary>After so long without an event an empty line shows that the connection is alive.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    private static readonly byte[] LineEnd = "\n"u8.ToArray();

    public void Map(IEndpointRouteBuilder routes, ApiDocument document)
    {
        document.Add("GET", Routes.History, null, ReplyJson.Default.HistoryEntryArray);
        document.Add("GET", Routes.Events, null, ReplyJson.Default.EventEntryArray);
        document.Add("GET", Routes.EventsFollow, "application/x-ndjson");
        document.Add("GET", Routes.Metrics, "text/plain");
        document.Add("GET", Routes.LegacyMetrics, "text/plain");
        Answer(
            routes,
            Routes.History,
            ReplyJson.Default.HistoryEntryArray,
            (pool, last) => observation.History(pool, last));
        Answer(
            routes,
            Routes.Events,
            ReplyJson.Default.EventEntryArray,
            (pool, last) => observation.Events(pool, last));
        routes.MapMethods(
            Routes.Metrics, ["GET"], new RequestDelegate(context => WriteMetricsAsync(context, false)));
        routes.MapMethods(
            Routes.LegacyMetrics, ["GET"], new RequestDelegate(context => WriteMetricsAsync(context, true)));
        routes.MapMethods(Routes.EventsFollow, ["GET"], new RequestDelegate(FollowAsync));
    }

    private async Task WriteMetricsAsync(HttpContext context, bool legacy)
    {
        Outcome<string> text;
        try
        {
            text = await observation.MetricsAsync(legacy).WaitAsync(deadlines.Query);
        }
        catch (TimeoutException)
        {
            text = new Fault("deadline", "the daemon is busy", "Ask again");
        }
        if (!text.IsOk)
        {
            await Endpoints.WriteProblemAsync(context, text.Fault);
            return;
        }
        context.Response.ContentType = MetricsText.ContentType;
        await context.Response.WriteAsync(text.Value, context.RequestAborted);
    }

    private static void Answer<T>(
        IEndpointRouteBuilder routes, string route, JsonTypeInfo<T[]> type, Func<string?, int, T[]> list)
    {
        routes.MapMethods(route, ["GET"], new RequestDelegate(RunAsync));

        async Task RunAsync(HttpContext context)
        {
            Outcome<long> last = Number(context, "last");
            if (!last.IsOk)
            {
                await Endpoints.WriteProblemAsync(context, last.Fault);
                return;
            }
            context.Response.ContentType = "application/json";
            await JsonSerializer.SerializeAsync(
                context.Response.Body,
                list(PoolOf(context), (int)Math.Min(last.Value, int.MaxValue)),
                type,
                context.RequestAborted);
        }
    }

    /// <summary>A line of JSON for each event, until whoever asked goes or the daemon ends.</summary>
    private async Task FollowAsync(HttpContext context)
    {
        Outcome<long> after = Number(context, "after");
        if (!after.IsOk)
        {
            await Endpoints.WriteProblemAsync(context, after.Fault);
            return;
        }
        CancellationToken stopping = context.RequestServices
            .GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using CancellationTokenSource end =
            CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        context.Response.ContentType = "application/x-ndjson";
        await context.Response.StartAsync(end.Token);
        await using IAsyncEnumerator<EventEntry> events = observation
            .FollowAsync(PoolOf(context), after.Value, end.Token)
            .GetAsyncEnumerator(end.Token);
        try
        {
            Task<bool> next = events.MoveNextAsync().AsTask();
            while (true)
            {
                Task first = await Task.WhenAny(next, Task.Delay(Heartbeat, end.Token));
                if (first == next)
                {
                    if (!await next) return;
                    await JsonSerializer.SerializeAsync(
                        context.Response.Body, events.Current, ReplyJson.Default.EventEntry, end.Token);
                    next = events.MoveNextAsync().AsTask();
                }
                else if (end.IsCancellationRequested)
                {
                    await next;
                    return;
                }
                await context.Response.Body.WriteAsync(LineEnd, end.Token);
                await context.Response.Body.FlushAsync(end.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // Whoever followed is gone, or the daemon ends.
        }
    }

    private static string? PoolOf(HttpContext context) =>
        context.Request.Query["pool"].FirstOrDefault() is { Length: > 0 } pool ? pool : null;

    private static Outcome<long> Number(HttpContext context, string key)
    {
        string? text = context.Request.Query[key].FirstOrDefault();
        if (string.IsNullOrEmpty(text)) return 0;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : new Fault("bad-request", $"'{text}' is no number for {key}", "Give a whole number");
    }
}
