using System.Net;
using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cstor.Tests.Daemon.Api;

/// <summary>
/// The admin API over a fake daemon on a real socket, and the command line that talks to it.
/// </summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private AdminServer? _server;

    private RunningServer()
    {
    }

    public FakeAdministration Daemon { get; } = new();

    public string SocketPath => _scratch["s/cstor.sock"];

    /// <summary>As if somebody watched the commands.</summary>
    public bool IsTerminal { get; set; }

    /// <summary>What the commands read and write as bytes.</summary>
    public Stream StandardInput { get; set; } = new MemoryStream();

    public MemoryStream StandardOutput { get; } = new();

    /// <summary>As if nobody read standard output.</summary>
    public bool IsOutputBroken { get; set; }

    public StringWriter Out { get; } = new();

    public StringWriter Error { get; } = new();

    public static async Task<RunningServer> StartAsync(
        TimeSpan? patience = null, IPEndPoint? http = null, BearerToken? token = null)
    {
        RunningServer running = new();
        Outcome<AdminServer> server = await running.StartServerAsync(patience, http, token);
        running._server = server.Value;
        return running;
    }

    public Task<Outcome<AdminServer>> StartServerAsync(
        TimeSpan? patience = null, IPEndPoint? http = null, BearerToken? token = null)
    {
        TimeSpan limit = patience ?? TimeSpan.FromSeconds(30);
        return AdminServer.StartAsync(
            Daemon,
            new AdminServerOptions(SocketPath, http, new Deadlines(limit, limit)) { Token = token },
            NullLoggerFactory.Instance);
    }

    /// <summary>Runs a command line against the server; output since the last run is kept.</summary>
    public Task<int> RunAsync(params string[] words)
    {
        Out.GetStringBuilder().Clear();
        Error.GetStringBuilder().Clear();
        CliContext context = new(
            Out, Error, name => name == "CSTOR_SOCKET" ? SocketPath : null, TimeSpan.FromSeconds(30))
        {
            IsTerminal = IsTerminal,
            IsInputTerminal = IsTerminal,
            OpenInput = () => StandardInput,
            OpenOutput = () => IsOutputBroken ? new BrokenPipe() : StandardOutput,
            PollInterval = TimeSpan.FromMilliseconds(1),
        };
        return CommandLine.RunAsync(words, context);
    }

    public HttpClient Connect() => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancel) =>
        {
            System.Net.Sockets.Socket socket = new(
                System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
            await socket.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(SocketPath), cancel);
            return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://cstor"),
    };

    public async Task StopAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _server = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _scratch.Dispose();
        await Out.DisposeAsync();
        await Error.DisposeAsync();
    }

    private sealed class BrokenPipe : MemoryStream
    {
        public override ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromException(new IOException("Broken pipe"));
    }
}
