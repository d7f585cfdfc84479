namespace Cstor.Tests.Daemon;

/// <summary>
/// A directory with a short path (a socket's has 107 bytes), removed at the end of the test.
/// </summary>
internal sealed class ScratchDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("cstor-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
