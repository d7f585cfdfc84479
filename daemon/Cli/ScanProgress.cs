using System.Globalization;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Cli;

/// <summary>
/// Progress of a scrub, a resilver or a destruction while somebody waits: a bar drawn over itself on a
/// terminal, elsewhere a line for every tenth, so that the mail of a cron job stays short.
/// </summary>
internal sealed class ScanProgress(TextWriter output, bool isTerminal)
{
    private const int BarWidth = 30;

    private int _shownTenth = -1;
    private int _drawn;

    public void Show(string pool, ScanStatus scan) =>
        Show(pool, scan.Kind, ScanText.Percent(scan), ScanText.Pace(scan, "  ", ""));

    /// <param name="pool">Its name.</param>
    /// <param name="kind">What goes on.</param>
    /// <param name="percent">0 to 100.</param>
    /// <param name="pace">How fast, how long, how much; or empty.</param>
    public void Show(string pool, string kind, double percent, string pace)
    {
        string number = percent.ToString("0.0", CultureInfo.InvariantCulture);
        if (isTerminal)
        {
            int full = (int)(percent / 100 * BarWidth);
            string bar = new string('#', full) + new string('-', BarWidth - full);
            Draw($"{pool}: {kind} [{bar}] {number,5} %  {pace}");
            return;
        }
        int tenth = (int)(percent / 10);
        if (tenth <= _shownTenth) return;
        _shownTenth = tenth;
        output.WriteLine($"{pool}: {kind} {number} %  {pace}".TrimEnd());
    }

    /// <summary>Makes way for what comes next; what follows begins anew.</summary>
    public void End()
    {
        if (_drawn > 0) output.Write("\r" + new string(' ', _drawn) + "\r");
        _drawn = 0;
        _shownTenth = -1;
    }

    private void Draw(string line)
    {
        output.Write("\r" + line.PadRight(_drawn));
        output.Flush();
        _drawn = line.Length;
    }
}
