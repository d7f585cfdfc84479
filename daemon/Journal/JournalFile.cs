using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Cstor.Daemon.Journal;

/// <summary>
/// Entries as lines of JSON in a file that only grows, and its predecessor: when the file is full it takes
/// the predecessor's place, so both together hold at most twice the limit. A crash can tear only the last
/// line, which is skipped when the file is read and ended before the next is written.
/// </summary>
internal sealed class JournalFile<T>(string path, JsonTypeInfo<T> type, int limitBytes) : IDisposable
    where T : class
{
    private const byte LineEnd = (byte)'\n';

    private FileStream? _file;

    private string Before => path + ".1";

    /// <summary>Everything that can be read, the oldest first.</summary>
    /// <exception cref="IOException">The files cannot be read.</exception>
    public List<T> Load()
    {
        List<T> entries = [];
        foreach (string file in (string[])[Before, path])
        {
            if (!File.Exists(file)) continue;
            foreach (string line in File.ReadLines(file))
            {
                if (Read(line) is { } entry) entries.Add(entry);
            }
        }
        return entries;
    }

    /// <summary>Adds entries; durable when this returns.</summary>
    /// <exception cref="IOException">They could not be written.</exception>
    public void Append(IReadOnlyCollection<T> entries)
    {
        using MemoryStream lines = new();
        foreach (T entry in entries)
        {
            JsonSerializer.Serialize(lines, entry, type);
            lines.WriteByte(LineEnd);
        }
        FileStream file = Open();
        file.Write(lines.GetBuffer().AsSpan(0, (int)lines.Length));
        file.Flush(flushToDisk: true);
        if (file.Length < limitBytes) return;
        file.Dispose();
        _file = null;
        File.Move(path, Before, overwrite: true);
    }

    public void Dispose() => _file?.Dispose();

    private FileStream Open()
    {
        if (_file is not null) return _file;
        FileStream file = new(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.Read,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
        if (file.Length > 0)
        {
            file.Seek(-1, SeekOrigin.End);
            bool isTorn = file.ReadByte() != LineEnd;
            file.Seek(0, SeekOrigin.End);
            if (isTorn) file.WriteByte(LineEnd);
        }
        _file = file;
        return file;
    }

    private T? Read(string line)
    {
        if (line.Length == 0) return null;
        try
        {
            return JsonSerializer.Deserialize(line, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
