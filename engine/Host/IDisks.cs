namespace Cstor.Engine.Host;

/// <summary>Finding and opening the machine's disks.</summary>
public interface IDisks
{
    /// <summary>
    /// Opens a block device or regular file for direct I/O. For writing it is opened exclusively (O_EXCL on
    /// a block device, a lock on a file), so that neither a mount nor another daemon shares it.
    /// </summary>
    /// <returns>The disk, or the reason in words ("/dev/sdb: is mounted on /srv").</returns>
    ValueTask<Outcome<IDisk>> OpenAsync(string path, DiskAccess access);

    /// <summary>
    /// Every block device that could hold a pool, with what it is used for. Loop devices included,
    /// partitions too.
    /// </summary>
    ValueTask<IReadOnlyList<DiskDescription>> ListAsync();

    /// <summary>
    /// Paths to scan for labels: block devices when <paramref name="directory"/> is null, else its block
    /// devices and regular files.
    /// </summary>
    ValueTask<Outcome<IReadOnlyList<string>>> CandidatesAsync(string? directory);
}

/// <summary>How a disk is opened.</summary>
public enum DiskAccess
{
    /// <summary>Shared, for scanning and printing.</summary>
    ReadOnly,

    /// <summary>Exclusive.</summary>
    ReadWrite,
}

/// <summary>What is known of a disk without opening a pool on it.</summary>
/// <param name="Path">The device node, as <c>/dev/sdb</c>.</param>
/// <param name="SizeBytes">Capacity.</param>
/// <param name="Model">Vendor and model, or empty.</param>
/// <param name="Serial">Serial number, or another name of its own; or empty.</param>
/// <param name="LogicalSectorBytes">Smallest addressable unit.</param>
/// <param name="PhysicalSectorBytes">What the disk writes atomically.</param>
/// <param name="IsRotational">A spinning disk.</param>
/// <param name="InUseBy">Why it cannot be taken now ("mounted on /", "has partitions", "held by dm-0",
/// "read-only"), or null.</param>
public sealed record DiskDescription(
    string Path,
    long SizeBytes,
    string Model,
    string Serial,
    int LogicalSectorBytes,
    int PhysicalSectorBytes,
    bool IsRotational,
    string? InUseBy)
{
    /// <summary>World-wide name, as <c>naa.5000c500a1b2c3d4</c> or <c>eui.002538...</c>; or empty.</summary>
    public string Wwn { get; init; } = "";
}

/// <summary>
/// An open disk. Offsets, lengths and addresses are multiples of 4096. Requests run concurrently and
/// complete in any order. A completed write is volatile until a flush that was started after its completion
/// has completed. A disk may hang: a request then ends late or never, and until it ends the machine may read
/// or write its memory. Whoever gives up waiting must keep that memory unused until the request has ended.
/// </summary>
public interface IDisk
{
    string Path { get; }

    /// <summary>Capacity, rounded down to 4096.</summary>
    long SizeBytes { get; }

    int LogicalSectorBytes { get; }

    int PhysicalSectorBytes { get; }

    bool SupportsDiscard { get; }

    ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into);

    /// <summary>
    /// Reads one device extent into several runs of memory. The span is copied before the call returns.
    /// </summary>
    ValueTask<IoStatus> ReadAsync(long offsetBytes, ReadOnlySpan<IoSlice> into);

    ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from);

    /// <summary>
    /// Writes several runs of memory to one device extent, at most 1024 runs. The span is copied before the
    /// call returns.
    /// </summary>
    ValueTask<IoStatus> WriteAsync(long offsetBytes, ReadOnlySpan<IoSlice> from);

    /// <summary>Makes every write that completed before this call durable.</summary>
    ValueTask<IoStatus> FlushAsync();

    /// <summary>
    /// Tells the disk that a range holds nothing of value; reads of it may then return anything.
    /// </summary>
    ValueTask<IoStatus> DiscardAsync(long offsetBytes, long lengthBytes);

    /// <summary>
    /// Closes once the I/O under way has ended; later requests get <see cref="IoStatus.DeviceGone"/>.
    /// </summary>
    ValueTask CloseAsync();
}
