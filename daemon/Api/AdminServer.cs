using System.Net;
using System.Net.Sockets;
using Cstor.Engine.Host;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Api;

/// <summary>
/// The admin API: HTTP with JSON on a Unix socket that only its owner may open. Access to the socket is the
/// authorization: requests are served if they came in on it (<see cref="LocalConnection"/>), or over TCP if
/// they carry the token (<see cref="BearerToken"/>); to others nothing but the health check is answered.
/// </summary>
/// <remarks>
/// Nothing here is taken from the environment or from files beside the program: the builder starts empty.
/// Handlers run on the thread pool and hop onto the loop through <see cref="IAdministration"/>.
/// </remarks>
internal sealed class AdminServer : IAsyncDisposable
{
    private const int MaximumRequestBytes = 1024 * 1024;

    private readonly WebApplication _application;
    private readonly string _socketPath;

    private AdminServer(WebApplication application, string socketPath)
    {
        _application = application;
        _socketPath = socketPath;
    }

    /// <summary>The address of the TCP listener, or null if there is none.</summary>
    public string? HttpAddress { get; private init; }

    /// <summary>Binds and serves.</summary>
    /// <returns>The server, or the reason ("socket in use by another daemon").</returns>
    public static async Task<Outcome<AdminServer>> StartAsync(
        IAdministration administration, AdminServerOptions options, ILoggerFactory loggers)
    {
        Fault? fault = await PrepareSocketAsync(options.SocketPath);
        if (fault is not null) return fault;
        WebApplication application = Build(options, loggers);
        new Endpoints(administration, options.Deadlines, loggers.CreateLogger("cstor.api")).Map(application);
        try
        {
            await application.StartAsync();
            File.SetUnixFileMode(options.SocketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (Exception exception) when (
            exception is IOException or SocketException or UnauthorizedAccessException)
        {
            await application.DisposeAsync();
            return new Fault(
                "admin-bind",
                $"cannot serve the admin API on {options.SocketPath}"
                    + (options.Http is null ? "" : $" and {options.Http}") + $": {exception.Message}",
                "Choose another --socket or --http, or see who has it");
        }
        return new AdminServer(application, options.SocketPath) { HttpAddress = options.Http?.ToString() };
    }

    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(2));
        await _application.StopAsync(patience.Token);
        await _application.DisposeAsync();
        File.Delete(_socketPath);
    }

    private static WebApplication Build(AdminServerOptions options, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaximumRequestBytes;
            kestrel.Limits.MaxConcurrentConnections = 256;
            kestrel.ListenUnixSocket(options.SocketPath, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => connection =>
                {
                    connection.Features.Set(LocalConnection.Of(connection));
                    return next(connection);
                });
            });
            if (options.Http is { } http)
            {
                kestrel.Listen(http, listen => listen.Protocols = HttpProtocols.Http1);
            }
        });
        WebApplication application = builder.Build();
        application.Use((context, next) =>
            IsAllowed(context, options.Token) ? next(context) : RefuseAsync(context, options.Token));
        return application;
    }

    private static bool IsAllowed(HttpContext context, BearerToken? token) =>
        context.Features.Get<LocalConnection>() is not null
        || token?.Admits(context) == true
        || (HttpMethods.IsGet(context.Request.Method) && context.Request.Path == Routes.Health);

    private static Task RefuseAsync(HttpContext context, BearerToken? token) => Endpoints.WriteProblemAsync(
        context,
        token is null
            ? new Fault(
                "not-authorized",
                "the admin API is served on the Unix socket only",
                $"Over TCP there is nothing but {Routes.Health}, unless --http-token-file names a token")
            : new Fault(
                "not-authorized",
                "the request does not carry the token",
                "Send what the daemon's --http-token-file holds: Authorization: Bearer TOKEN"));

    /// <summary>
    /// A socket that a daemon left behind is removed; one that answers is not ours to take.
    /// </summary>
    private static async Task<Fault?> PrepareSocketAsync(string path)
    {
        const int longestPath = 107;
        if (path.Length > longestPath)
        {
            return new Fault(
                "socket-path", $"the socket path {path} is longer than {longestPath} bytes", "Shorten it");
        }
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (!Path.Exists(path)) return null;
            if ((File.GetAttributes(path) & FileAttributes.Directory) != 0)
            {
                return new Fault("socket-path", $"{path} is a directory", "Name a file with --socket");
            }
            using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await probe.ConnectAsync(new UnixDomainSocketEndPoint(path));
            }
            catch (SocketException exception) when (
                exception.SocketErrorCode == SocketError.ConnectionRefused)
            {
                if (new FileInfo(path).Length > 0)
                {
                    return new Fault(
                        "socket-path", $"{path} is a file with content, not a socket", "Move it away");
                }
                File.Delete(path);
                return null;
            }
            return new Fault(
                "daemon-running",
                $"another daemon serves {path}",
                "Stop it, or choose another --socket and --state-dir");
        }
        catch (Exception exception) when (
            exception is IOException or UnauthorizedAccessException or SocketException)
        {
            return new Fault(
                "socket-path", $"cannot use {path}: {exception.Message}", "Choose another --socket");
        }
    }
}

/// <param name="SocketPath">The Unix socket.</param>
/// <param name="Http">TCP listener, or null.</param>
/// <param name="Deadlines">Patience of the handlers.</param>
internal sealed record AdminServerOptions(string SocketPath, IPEndPoint? Http, Deadlines Deadlines)
{
    /// <summary>Lets requests over TCP in; null lets none in.</summary>
    public BearerToken? Token { get; init; }
}

/// <summary>
/// How long a request may take before it is answered with a fault. The work goes on; only the answer does not
/// wait.
/// </summary>
/// <param name="Query">What only looks.</param>
/// <param name="Change">What opens, writes or closes devices.</param>
internal sealed record Deadlines(TimeSpan Query, TimeSpan Change)
{
    public static readonly Deadlines Default = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(60));
}
