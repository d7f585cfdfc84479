namespace Cstor.Engine.Host.Linux;

/// <summary>What the opening of a disk found out.</summary>
internal sealed record OpenedDisk(
    string Path,
    int Descriptor,
    bool IsBlockDevice,
    bool IsWritable,
    long SizeBytes,
    int LogicalSectorBytes,
    int PhysicalSectorBytes,
    bool SupportsDiscard);
