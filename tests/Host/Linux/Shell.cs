using System.Diagnostics;

namespace Cstor.Tests.Host.Linux;

/// <summary>Runs a program to its end.</summary>
internal static class Shell
{
    /// <summary>What it printed, trimmed; throws when it fails.</summary>
    public static string Run(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(ToolFactAttribute.Find(tool) ?? tool, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{tool}: {errors.Result}");
        return output.Trim();
    }
}
