using System.Text;

namespace Cstor.PoolLayout.Printing;

/// <summary>Names of the code in the spelling of the format document.</summary>
internal static class Words
{
    /// <summary>DatasetPut becomes dataset-put.</summary>
    internal static string Of(string name)
    {
        StringBuilder text = new(name.Length + 4);
        foreach (char c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0) text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }

    /// <summary>Text that came from a disk may hold anything: control characters stop here.</summary>
    internal static string Safe(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));

    /// <summary>Safe text in quotes, its lines joined.</summary>
    internal static string Quoted(string text) =>
        $"\"{Safe(text.TrimEnd('\n').Replace("\n", "; ", StringComparison.Ordinal))}\"";
}
