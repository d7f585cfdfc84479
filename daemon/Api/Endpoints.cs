using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cstor.Engine.Host;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Api;

/// <summary>
/// The table of methods and paths, and what every one of them has in common: deadline, errors, JSON.
/// </summary>
internal sealed partial class Endpoints(IAdministration administration, Deadlines deadlines, ILogger logger)
{
    private readonly ApiDocument _document = new();

    public void Map(IEndpointRouteBuilder routes)
    {
        MapQueries(routes);
        MapPoolChanges(routes);
        MapPoolMaintenance(routes);
        MapVolumeChanges(routes);
        MapPortalChanges(routes);
        MapVersionChanges(routes);
        MapSnapshots(routes);
        MapReplicas(routes);
        MapJobs(routes);
        new StreamEndpoints(administration.Streams, administration.Observation, logger).Map(routes);
        new ObservationEndpoints(administration.Observation, deadlines).Map(routes, _document);
        _document.Add("GET", Routes.OpenApi, "application/json");
        string document = _document.Write();
        routes.MapMethods(Routes.OpenApi, ["GET"], new RequestDelegate(context =>
        {
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(document, context.RequestAborted);
        }));
        routes.MapFallback(context => WriteProblemAsync(
            context,
            new Fault(
                "no-such-route",
                $"there is no {context.Request.Method} {context.Request.Path}",
                "See GET " + Routes.Health)));
    }

    private void MapQueries(IEndpointRouteBuilder routes)
    {
        Query(routes, Routes.Health, ReplyJson.Default.HealthView, _ => administration.HealthAsync());
        Query(routes, Routes.Pools, ReplyJson.Default.PoolStatusArray, _ => administration.ListPoolsAsync());
        Query(
            routes,
            Routes.Pool,
            ReplyJson.Default.PoolStatus,
            context => administration.GetPoolAsync(Name(context, "pool")));
        Query(
            routes,
            Routes.Imports,
            ReplyJson.Default.ImportScanView,
            context => administration.ScanAsync([.. context.Request.Query["search"].OfType<string>()]),
            deadlines.Change);
        Query(
            routes,
            Routes.ImportRewind,
            ReplyJson.Default.RewindPlan,
            context => administration.PlanRewindAsync(
                Name(context, "pool"),
                [.. context.Request.Query["search"].OfType<string>()],
                context.Request.Query.ContainsKey("force"),
                context.Request.Query.ContainsKey("data")),
            Timeout.InfiniteTimeSpan);
        Query(
            routes,
            Routes.Volumes,
            ReplyJson.Default.VolumeViewArray,
            context => administration.ListVolumesAsync(context.Request.Query["pool"].FirstOrDefault()));
        Query(
            routes,
            Routes.Volume,
            ReplyJson.Default.VolumeView,
            context => administration.GetVolumeAsync(Name(context, "pool"), Name(context, "volume")));
        Query(
            routes,
            Routes.Targets,
            ReplyJson.Default.TargetViewArray,
            _ => administration.ListTargetsAsync());
        Query(
            routes,
            Routes.Statistics,
            ReplyJson.Default.StatisticsView,
            _ => administration.Observation.StatisticsAsync());
        Query(routes, Routes.Disks, ReplyJson.Default.DiskViewArray, _ => administration.ListDisksAsync());
    }

    private void MapPoolChanges(IEndpointRouteBuilder routes)
    {
        Change(
            routes,
            "POST",
            Routes.Pools,
            RequestJson.Default.CreatePoolRequest,
            (_, request) => administration.CreatePoolAsync(request));
        Change(
            routes,
            "POST",
            Routes.Imports,
            RequestJson.Default.ImportPoolRequest,
            (_, request) => administration.ImportPoolAsync(request));
        ChangePool(
            routes, Routes.PoolExport, RequestJson.Default.ChangeRequest, administration.ExportPoolAsync);
        ChangePool(
            routes, Routes.PoolDestroy, RequestJson.Default.ChangeRequest, administration.DestroyPoolAsync);
    }

    /// <summary>A check reads the whole pool: who asked for it waits as long as it takes.</summary>
    private void MapPoolMaintenance(IEndpointRouteBuilder routes)
    {
        ChangePool(
            routes, Routes.PoolVdevs, RequestJson.Default.AddVdevsRequest, administration.AddVdevsAsync);
        ChangePool(
            routes,
            Routes.PoolAttach,
            RequestJson.Default.AttachDeviceRequest,
            administration.AttachDeviceAsync);
        ChangePool(
            routes, Routes.PoolDetach, RequestJson.Default.DeviceRequest, administration.DetachDeviceAsync);
        ChangePool(
            routes,
            Routes.PoolReplace,
            RequestJson.Default.ReplaceDeviceRequest,
            administration.ReplaceDeviceAsync);
        ChangePool(
            routes, Routes.PoolOffline, RequestJson.Default.DeviceRequest, administration.OfflineDeviceAsync);
        ChangePool(
            routes, Routes.PoolOnline, RequestJson.Default.DeviceRequest, administration.OnlineDeviceAsync);
        ChangePool(
            routes, Routes.PoolClear, RequestJson.Default.ClearRequest, administration.ClearPoolAsync);
        ChangePool(
            routes, Routes.PoolScrub, RequestJson.Default.ScrubRequest, administration.ScrubPoolAsync);
        Query(
            routes,
            Routes.PoolCheck,
            ReplyJson.Default.CheckView,
            context => administration.CheckPoolAsync(Name(context, "pool")),
            Timeout.InfiniteTimeSpan);
    }

    private void MapVolumeChanges(IEndpointRouteBuilder routes)
    {
        Change(
            routes,
            "POST",
            Routes.Volumes,
            RequestJson.Default.CreateVolumeRequest,
            (_, request) => administration.CreateVolumeAsync(request));
        ChangeVolume(
            routes, "POST", Routes.VolumeDestroy, RequestJson.Default.DestroyVolumeRequest,
            administration.DestroyVolumeAsync);
        ChangeVolume(
            routes, "PUT", Routes.VolumeSize, RequestJson.Default.ResizeVolumeRequest,
            administration.ResizeVolumeAsync);
        ChangeVolume(
            routes, "PATCH", Routes.VolumeProperties, RequestJson.Default.SetPropertiesRequest,
            administration.SetPropertiesAsync);
    }

    private void MapReplicas(IEndpointRouteBuilder routes)
    {
        Query(routes, Routes.Peers, ReplyJson.Default.PeerViewArray, _ => administration.ListPeersAsync());
        Change(
            routes,
            "POST",
            Routes.Peers,
            RequestJson.Default.PeerChangeRequest,
            (_, request) => administration.AddPeerAsync(request));
        Change(
            routes,
            "POST",
            Routes.PeersRemove,
            RequestJson.Default.PeerChangeRequest,
            (_, request) => administration.RemovePeerAsync(request));
        Query(
            routes,
            Routes.VolumeReplicas,
            ReplyJson.Default.ReplicationView,
            context => administration.GetReplicationAsync(Name(context, "pool"), Name(context, "volume")));
        ChangeVolume(
            routes, "POST", Routes.VolumeReplicas, RequestJson.Default.ReplicaChangeRequest,
            administration.AddReplicaAsync);
        ChangeVolume(
            routes, "POST", Routes.VolumeReplicasRemove, RequestJson.Default.ReplicaChangeRequest,
            administration.RemoveReplicaAsync);
        ChangeVolume(
            routes, "POST", Routes.VolumeLead, RequestJson.Default.ReplicaChangeRequest,
            administration.LeadVolumeAsync);
        Change(
            routes,
            "POST",
            Routes.VolumeVerify,
            RequestJson.Default.ChangeRequest,
            (context, _) =>
                administration.VerifyVolumeAsync(Name(context, "pool"), Name(context, "volume")));
    }

    private void MapJobs(IEndpointRouteBuilder routes)
    {
        Query(routes, Routes.Jobs, ReplyJson.Default.JobViewArray, _ => administration.Jobs.ListAsync());
        Change(
            routes,
            "POST",
            Routes.JobCancel,
            RequestJson.Default.ChangeRequest,
            (context, _) => administration.Jobs.CancelAsync(Name(context, "job")));
    }

    private void MapPortalChanges(IEndpointRouteBuilder routes)
    {
        Change(
            routes,
            "POST",
            Routes.Portals,
            RequestJson.Default.PortalRequest,
            (_, request) => administration.AddPortalAsync(request));
        Change(
            routes,
            "POST",
            Routes.PortalsRemove,
            RequestJson.Default.PortalRequest,
            (_, request) => administration.RemovePortalAsync(request));
    }

    /// <summary>What moves a volume among the versions of its line, or changes its name.</summary>
    private void MapVersionChanges(IEndpointRouteBuilder routes)
    {
        ChangeVolume(
            routes, "POST", Routes.VolumeRename, RequestJson.Default.RenameVolumeRequest,
            administration.RenameVolumeAsync);
        ChangeVolume(
            routes, "POST", Routes.VolumePromote, RequestJson.Default.PromoteRequest,
            administration.PromoteVolumeAsync);
        ChangeVolume(
            routes, "POST", Routes.VolumeRollback, RequestJson.Default.RollbackRequest,
            administration.RollbackVolumeAsync);
    }

    private void MapSnapshots(IEndpointRouteBuilder routes)
    {
        Query(
            routes,
            Routes.Snapshots,
            ReplyJson.Default.SnapshotStatusArray,
            context => administration.ListSnapshotsAsync(
                context.Request.Query["pool"].FirstOrDefault(),
                context.Request.Query["volume"].FirstOrDefault()));
        Query(
            routes,
            Routes.Snapshot,
            ReplyJson.Default.SnapshotStatus,
            context => administration.GetSnapshotAsync(
                Name(context, "pool"), Name(context, "volume"), Name(context, "snapshot")));
        Change(
            routes,
            "POST",
            Routes.Snapshots,
            RequestJson.Default.CreateSnapshotsRequest,
            (_, request) => administration.CreateSnapshotsAsync(request));
        Change(
            routes,
            "POST",
            Routes.VolumeSnapshotsDestroy,
            RequestJson.Default.DestroySnapshotsRequest,
            (context, request) => administration.DestroySnapshotsAsync(
                Name(context, "pool"), Name(context, "volume"), request));
        ChangeSnapshot(
            routes,
            Routes.SnapshotRename,
            RequestJson.Default.RenameSnapshotRequest,
            administration.RenameSnapshotAsync);
        ChangeSnapshot(
            routes, Routes.SnapshotHold, RequestJson.Default.HoldRequest, administration.HoldSnapshotAsync);
        ChangeSnapshot(
            routes,
            Routes.SnapshotRelease,
            RequestJson.Default.HoldRequest,
            administration.ReleaseSnapshotAsync);
        ChangeSnapshot(
            routes,
            Routes.SnapshotClone,
            RequestJson.Default.CloneRequest,
            administration.CloneSnapshotAsync);
    }

    private void ChangePool<TRequest>(
        IEndpointRouteBuilder routes,
        string route,
        JsonTypeInfo<TRequest> body,
        Func<string, TRequest, Task<Outcome<ActionReport>>> handler) =>
        Change(routes, "POST", route, body, (context, request) => handler(Name(context, "pool"), request));

    private void ChangeVolume<TRequest>(
        IEndpointRouteBuilder routes,
        string method,
        string route,
        JsonTypeInfo<TRequest> body,
        Func<string, string, TRequest, Task<Outcome<ActionReport>>> handler) =>
        Change(routes, method, route, body, (context, request) => handler(
            Name(context, "pool"), Name(context, "volume"), request));

    private void ChangeSnapshot<TRequest>(
        IEndpointRouteBuilder routes,
        string route,
        JsonTypeInfo<TRequest> body,
        Func<string, string, string, TRequest, Task<Outcome<ActionReport>>> handler) =>
        Change(routes, "POST", route, body, (context, request) => handler(
            Name(context, "pool"), Name(context, "volume"), Name(context, "snapshot"), request));

    private void Query<TReply>(
        IEndpointRouteBuilder routes,
        string route,
        JsonTypeInfo<TReply> reply,
        Func<HttpContext, Task<Outcome<TReply>>> handler,
        TimeSpan? patience = null)
    {
        _document.Add("GET", route, null, reply);
        routes.MapMethods(route, ["GET"], new RequestDelegate(RunAsync));

        async Task RunAsync(HttpContext context) =>
            await AnswerAsync(context, reply, () => handler(context), patience ?? deadlines.Query);
    }

    private void Change<TRequest>(
        IEndpointRouteBuilder routes,
        string method,
        string route,
        JsonTypeInfo<TRequest> body,
        Func<HttpContext, TRequest, Task<Outcome<ActionReport>>> handler)
    {
        _document.Add(method, route, body, ReplyJson.Default.ActionReport);
        routes.MapMethods(route, [method], new RequestDelegate(RunAsync));

        async Task RunAsync(HttpContext context)
        {
            Outcome<TRequest> request = await ReadAsync(context, body);
            if (!request.IsOk)
            {
                await WriteProblemAsync(context, request.Fault);
                return;
            }
            TRequest value = request.Value;
            await AnswerAsync(
                context,
                ReplyJson.Default.ActionReport,
                () => RecordAsync(RequestSubject.Describe(context, value), handler(context, value)),
                deadlines.Change);
        }
    }

    /// <summary>Notes what became of an act, also when nobody waits for it any more.</summary>
    private async Task<Outcome<ActionReport>> RecordAsync(
        ActDescription act, Task<Outcome<ActionReport>> running)
    {
        Outcome<ActionReport> outcome = await running;
        if (!outcome.IsOk || !outcome.Value.DryRun) administration.Observation.Record(act, outcome);
        return outcome;
    }

    private async Task AnswerAsync<TReply>(
        HttpContext context,
        JsonTypeInfo<TReply> reply,
        Func<Task<Outcome<TReply>>> handler,
        TimeSpan patience)
    {
        Outcome<TReply> outcome;
        try
        {
            outcome = await handler().WaitAsync(patience);
        }
        catch (TimeoutException)
        {
            outcome = new Fault(
                "deadline",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"no result within {patience.TotalSeconds:0.#} s; a device may hang; the work goes on"),
                "See the daemon's log and pool status, then repeat the command");
        }
        catch (Exception exception)
        {
            HandlerFailed(exception, context.Request.Method, context.Request.Path);
            outcome = new Fault(
                "internal", $"the daemon failed: {exception.Message}", "See the daemon's log");
        }
        if (!outcome.IsOk)
        {
            RequestRefused(context.Request.Method, context.Request.Path, outcome.Fault.Message);
            await WriteProblemAsync(context, outcome.Fault);
            return;
        }
        await WriteAsync(context, outcome.Value, reply);
    }

    /// <summary>Answers with the fault as <see cref="Problem"/> and the status that fits its code.</summary>
    public static Task WriteProblemAsync(HttpContext context, Fault fault)
    {
        context.Response.StatusCode = StatusOf(fault.Code);
        return WriteAsync(context, Problem.Of(fault), ReplyJson.Default.Problem);
    }

    private static async Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, value, type, context.RequestAborted);
    }

    private static async Task<Outcome<T>> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
    {
        try
        {
            T? request = await JsonSerializer.DeserializeAsync(
                context.Request.Body, type, context.RequestAborted);
            return request is null
                ? new Fault("bad-request", "the request has no body", "Send JSON")
                : request;
        }
        catch (JsonException exception)
        {
            return new Fault("bad-request", $"the request cannot be read: {exception.Message}", "Correct it");
        }
        catch (BadHttpRequestException exception)
        {
            return new Fault("bad-request", exception.Message, "Send less");
        }
    }

    private static int StatusOf(string code) => code switch
    {
        "bad-request" => StatusCodes.Status400BadRequest,
        "not-authorized" => StatusCodes.Status403Forbidden,
        "deadline" => StatusCodes.Status504GatewayTimeout,
        "internal" => StatusCodes.Status500InternalServerError,
        _ when code.StartsWith("no-such-", StringComparison.Ordinal) => StatusCodes.Status404NotFound,
        _ => StatusCodes.Status409Conflict,
    };

    private static string Name(HttpContext context, string key) => (string)context.Request.RouteValues[key]!;

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private partial void HandlerFailed(Exception exception, string method, PathString path);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path} refused: {Reason}")]
    private partial void RequestRefused(string method, PathString path, string reason);
}
