namespace Cstor.Tests.Simulation;

/// <summary>
/// The content of a disk as a power cut at some moment would have left it; to be put into another machine.
/// </summary>
public sealed class DiskImage
{
    internal DiskImage(string path, long sizeBytes, SectorStore store)
    {
        Path = path;
        SizeBytes = sizeBytes;
        Store = store;
    }

    public string Path { get; }

    public long SizeBytes { get; }

    internal SectorStore Store { get; }
}
