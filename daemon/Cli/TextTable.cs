using System.Text;

namespace Cstor.Daemon.Cli;

/// <summary>
/// Columns of plain text, two spaces apart, no rules, nothing behind the last character of a line: readable
/// by people and by <c>awk</c>. An empty cell is shown as a dash, so that columns can be counted.
/// </summary>
internal sealed class TextTable
{
    private readonly string[] _headings;
    private readonly bool[] _isRight;
    private readonly List<string[]> _rows = [];

    /// <param name="headings">One for each column; a leading <c>&gt;</c> aligns it to the right.</param>
    public TextTable(params ReadOnlySpan<string> headings)
    {
        _isRight = new bool[headings.Length];
        _headings = new string[headings.Length];
        for (int i = 0; i < headings.Length; i++)
        {
            _isRight[i] = headings[i].StartsWith('>');
            _headings[i] = headings[i].TrimStart('>');
        }
    }

    /// <summary>Adds a row with a cell for each column.</summary>
    public void Add(params ReadOnlySpan<string> cells)
    {
        if (cells.Length != _headings.Length)
        {
            throw new ArgumentException("one cell for each column", nameof(cells));
        }
        string[] row = new string[cells.Length];
        for (int i = 0; i < cells.Length; i++) row[i] = cells[i].Length == 0 ? "-" : OneLine(cells[i]);
        _rows.Add(row);
    }

    /// <summary>Adds a line of its own between rows.</summary>
    public void AddHeading(string heading) => _rows.Add([heading]);

    /// <summary>Writes headings and rows, indented.</summary>
    public void Write(TextWriter output, int indent = 0)
    {
        int[] widths = new int[_headings.Length];
        foreach (string[] row in _rows.Prepend(_headings))
        {
            for (int i = 0; i < row.Length; i++) widths[i] = Math.Max(widths[i], row[i].Length);
        }
        StringBuilder line = new();
        foreach (string[] row in _rows.Prepend(_headings))
        {
            line.Clear().Append(' ', indent);
            for (int i = 0; i < row.Length; i++)
            {
                if (i > 0) line.Append("  ");
                line.Append(_isRight[i] ? row[i].PadLeft(widths[i]) : row[i].PadRight(widths[i]));
            }
            output.WriteLine(line.ToString().TrimEnd());
        }
    }

    /// <summary>What a device calls itself may hold anything; a cell stays on its line.</summary>
    private static string OneLine(string cell) => string.Create(cell.Length, cell, (span, text) =>
    {
        for (int i = 0; i < span.Length; i++) span[i] = char.IsControl(text[i]) ? '?' : text[i];
    });
}
