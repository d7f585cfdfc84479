using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;

namespace Cstor.Daemon.Cli;

/// <summary>History and events for people to read, a line for each.</summary>
internal static class JournalPrinter
{
    public static void WriteHistory(TextWriter output, HistoryEntry[] entries)
    {
        if (entries.Length == 0) output.WriteLine("nothing was changed yet");
        foreach (HistoryEntry entry in entries)
        {
            string result = entry.Result == HistoryEntry.Done
                ? ""
                : $"  [{entry.Result}: {entry.Lines.FirstOrDefault("")}]";
            output.WriteLine(Clean($"{TimeText.Utc(entry.Time)}  {entry.By}  {entry.Command}{result}"));
        }
    }

    public static void WriteEvents(TextWriter output, EventEntry[] entries)
    {
        if (entries.Length == 0) output.WriteLine("nothing has happened yet");
        foreach (EventEntry entry in entries) WriteEvent(output, entry);
    }

    public static void WriteEvent(TextWriter output, EventEntry entry) =>
        output.WriteLine(Clean($"{TimeText.Utc(entry.Time)}  {entry.Severity,-8}  {entry.Text}"));

    private static string Clean(string line) => string.Concat(line.Select(c => char.IsControl(c) ? '?' : c));
}
