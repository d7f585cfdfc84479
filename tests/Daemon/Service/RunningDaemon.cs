using System.Net;
using Cstor.Daemon.Cli;
using Cstor.Daemon.Configuration;
using Cstor.Daemon.Service;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Tests.Daemon.Service;

/// <summary>A whole daemon in this process, on files in a scratch directory.</summary>
internal sealed class RunningDaemon : IAsyncDisposable
{
    private CancellationTokenSource _stop = new();
    private Task<Fault?> _run = Task.FromResult<Fault?>(null);

    public ScratchDirectory Scratch { get; } = new();

    public StringWriter Out { get; } = new();

    public StringWriter Error { get; } = new();

    /// <summary>What the daemon finds when it reads its settings again.</summary>
    public DaemonOptions? Reread { get; set; }

    /// <summary>What the daemon said when it was ready.</summary>
    public string ReadyLine { get; private set; } = "";

    public DaemonOptions Options => new()
    {
        StateDirectory = Scratch["state"],
        SocketPath = Scratch["sock"],
        Iscsi = [new PortalText(new IPEndPoint(IPAddress.Loopback, 0), 1)],
        LogLevel = LogLevel.None,
        NullVolumes = [new NullVolumeOption("null", 1L << 30)],
    };

    /// <summary>A sparse file to be a device.</summary>
    public string Disk(string name, long sizeBytes = 256L << 20)
    {
        using FileStream file = File.Create(Scratch[name]);
        file.SetLength(sizeBytes);
        return Scratch[name];
    }

    /// <returns>Why it did not start, or null.</returns>
    public async Task<Fault?> StartAsync(DaemonOptions? options = null)
    {
        _stop = new CancellationTokenSource();
        FirstLine ready = new();
        DaemonOptions used = options ?? Options;
        _run = DaemonProcess.RunAsync(used, () => Reread ?? used, ready, _stop.Token);
        Task first = await Task.WhenAny(_run, ready.Written);
        if (first == _run) return await _run;
        ReadyLine = await ready.Written;
        return null;
    }

    public async Task<Fault?> StopAsync()
    {
        await _stop.CancelAsync();
        return await _run;
    }

    /// <summary>Runs a command; output since the last one is kept.</summary>
    public Task<int> RunAsync(params string[] words)
    {
        Out.GetStringBuilder().Clear();
        Error.GetStringBuilder().Clear();
        CliContext context = new(
            Out, Error, name => name == "CSTOR_SOCKET" ? Scratch["sock"] : null, TimeSpan.FromSeconds(60));
        return CommandLine.RunAsync(words, context);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        Scratch.Dispose();
        await Out.DisposeAsync();
        await Error.DisposeAsync();
    }

    private sealed class FirstLine : StringWriter
    {
        private readonly TaskCompletionSource<string> _written =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> Written => _written.Task;

        public override Task WriteLineAsync(string? value)
        {
            _written.TrySetResult(value ?? "");
            return Task.CompletedTask;
        }
    }
}
