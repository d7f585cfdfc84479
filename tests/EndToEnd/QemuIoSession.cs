using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// A <c>qemu-io</c> that takes one command after another and whose answers are read as they come: what it has
/// acknowledged before the daemon dies is known exactly.
/// </summary>
internal sealed partial class QemuIoSession : IDisposable
{
    private readonly Process _process;
    private readonly List<string> _lines = [];

    public QemuIoSession(string url)
    {
        _process = Tool.Start("stdbuf", ["-oL", "qemu-io", "-f", "raw", url], redirectInput: true);
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Offsets of the writes that were acknowledged, in order.</summary>
    public long[] AcknowledgedWrites
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines.Select(line => Wrote().Match(line)).Where(match => match.Success)
                    .Select(match => long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];
            }
        }
    }

    public void Send(string command)
    {
        try
        {
            _process.StandardInput.WriteLine(command);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has ended: what it acknowledged stands, and that is all the caller asks for.
        }
    }

    /// <summary>
    /// No more commands: it works off what was sent and ends. Lines that were sent together are worked off
    /// only then, because qemu-io looks for the next one when its input becomes readable, not in its own
    /// buffer.
    /// </summary>
    public void EndInput()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended.
        }
    }

    /// <summary>Waits until so many writes were acknowledged.</summary>
    public void WaitForWrites(int count, int seconds = 30)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (AcknowledgedWrites.Length < count)
        {
            if (waited.Elapsed.TotalSeconds > seconds)
            {
                lock (_lines) throw new InvalidOperationException("no answer: " + string.Join('\n', _lines));
            }

            Thread.Sleep(5);
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_lines) _lines.Add(line);
    }

    [GeneratedRegex(@"wrote \d+/\d+ bytes at offset (\d+)")]
    private static partial Regex Wrote();
}
