using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;

namespace Cstor.Tests.Host.Linux;

/// <summary>A loop for one test; what escapes a callback fails the test.</summary>
internal sealed class LoopFixture : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private volatile Exception? _fatal;

    public LoopFixture(LinuxLoopOptions? options = null)
    {
        Outcome<LinuxLoop> started = LinuxLoop.Start(
            (options ?? new LinuxLoopOptions()) with { OnFatal = e => _fatal = e });
        Loop = started.IsOk ? started.Value : throw new InvalidOperationException(started.Fault.ToString());
    }

    public LinuxLoop Loop { get; }

    public Exception? Fatal => _fatal;

    /// <summary>Runs a test's body on the loop.</summary>
    public void Run(Func<ValueTask> body) => Run(async () =>
    {
        await body();
        return true;
    });

    public T Run<T>(Func<ValueTask<T>> body) =>
        Loop.InvokeAsync(body).WaitAsync(Deadline).GetAwaiter().GetResult();

    public void Dispose()
    {
        Loop.Dispose();
        if (_fatal is not null) throw new InvalidOperationException("the loop died", _fatal);
    }
}
