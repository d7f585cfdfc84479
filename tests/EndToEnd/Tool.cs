using System.Diagnostics;
using System.Text;

namespace Cstor.Tests.EndToEnd;

/// <summary>Runs programs: bounded in time, both outputs collected.</summary>
internal static class Tool
{
    /// <summary>Runs a program to its end, or kills it after <paramref name="seconds"/>.</summary>
    public static ToolResult Run(
        string tool, string[] arguments, int seconds = 60, Action<string>? onLine = null)
    {
        using Process process = Start(tool, arguments, redirectInput: false);
        StringBuilder output = new(), error = new();
        process.OutputDataReceived += (_, line) => Take(output, line.Data, onLine);
        process.ErrorDataReceived += (_, line) => Take(error, line.Data, onLine: null);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(TimeSpan.FromSeconds(seconds)))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return new ToolResult(-1, output.ToString(), $"{error}\n{tool} did not end within {seconds} s");
        }

        process.WaitForExit();
        return new ToolResult(process.ExitCode, output.ToString(), error.ToString());
    }

    /// <summary>Runs a program that must succeed; returns what it printed.</summary>
    public static string Check(string tool, params string[] arguments)
    {
        ToolResult result = Run(tool, arguments);
        if (result.ExitCode == 0) return result.Output;
        throw new InvalidOperationException($"{tool} {string.Join(' ', arguments)}: {result}");
    }

    public static Process Start(string tool, string[] arguments, bool redirectInput)
    {
        string path = tool.Contains('/') ? tool : Machine.Find(tool)
            ?? throw new InvalidOperationException($"{tool} is missing: run make test");
        ProcessStartInfo start = new(path, arguments)
        {
            RedirectStandardInput = redirectInput,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = Machine.SearchPath;
        start.Environment["LC_ALL"] = "C";
        return Process.Start(start)!;
    }

    private static void Take(StringBuilder text, string? line, Action<string>? onLine)
    {
        if (line is null) return;
        lock (text) text.Append(line).Append('\n');
        onLine?.Invoke(line);
    }
}

/// <summary>How a program ended.</summary>
/// <param name="ExitCode">Its status; -1 if it had to be killed.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record ToolResult(int ExitCode, string Output, string Error)
{
    public string All => Output + Error;

    public override string ToString() => $"exit status {ExitCode}\n{Output}{Error}";
}
