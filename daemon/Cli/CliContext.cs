using Cstor.Daemon.Native;

namespace Cstor.Daemon.Cli;

/// <summary>What the command line touches outside itself.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">Complaints.</param>
/// <param name="Environment">Value of an environment variable, or null.</param>
/// <param name="Patience">How long to wait for the daemon.</param>
internal sealed record CliContext(
    TextWriter Out, TextWriter Error, Func<string, string?> Environment, TimeSpan Patience)
{
    public const string DefaultSocket = "/run/cstor/cstor.sock";

    /// <summary>Somebody watches: progress may be drawn over itself.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>Standard input is typed by somebody.</summary>
    public bool IsInputTerminal { get; init; }

    /// <summary>Standard input and output for bytes that nobody reads as text.</summary>
    public Func<Stream> OpenInput { get; init; } = Console.OpenStandardInput;

    public Func<Stream> OpenOutput { get; init; } = static () => new OutputPipe();

    /// <summary>Time between two looks at what is waited for.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The real one. The daemon's longest deadline is a minute: its answer explains more than ours would.
    /// </summary>
    public static CliContext Process() => new(
        Console.Out, Console.Error, System.Environment.GetEnvironmentVariable, TimeSpan.FromSeconds(75))
    {
        IsTerminal = !Console.IsOutputRedirected,
        IsInputTerminal = !Console.IsInputRedirected,
    };
}
