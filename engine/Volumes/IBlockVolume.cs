using Cstor.Engine.Host;
using Cstor.Engine.Statistics;

namespace Cstor.Engine.Volumes;

/// <summary>
/// What a LUN is made of: a pool's volume, a replicated one, or the bench's null device. Offsets and
/// lengths are multiples of 512 bytes. Requests run concurrently; a request sees every request that
/// completed before it started, and two overlapping ones under way at once take effect in either order,
/// never mixed below <see cref="BlockSizeBytes"/>. Slices must stay valid until completion; they need no
/// alignment, though 4096 saves a copy.
/// </summary>
public interface IBlockVolume
{
    /// <summary>Stable identity, the source of NAA and EUI designators.</summary>
    Guid Id { get; }

    /// <summary>Pool and volume, as <c>tank/db</c>.</summary>
    string Name { get; }

    long SizeBytes { get; }

    /// <summary>False while another node may have changed the size, and this one cannot know.</summary>
    bool IsSizeKnown => true;

    /// <summary>
    /// Completes when the size is known, or likely enough; with false if nobody can be asked for it.
    /// </summary>
    ValueTask<bool> LearnSizeAsync() => new(true);

    /// <summary>The volume's block: what is written without reading first, and freed by unmap.</summary>
    int BlockSizeBytes { get; }

    bool IsReadOnly { get; }

    /// <summary>How often space has begun to run short, as far as initiators want to know.</summary>
    int SpaceWarnings => 0;

    /// <summary>How its commands fare, or null where nobody counts.</summary>
    VolumeTimes? Times => null;

    ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into);

    /// <summary>Space is kept for every block, so that holes can be written in any case.</summary>
    bool IsFullyReserved => false;

    /// <summary>Room for its blocks, or null where that is not known.</summary>
    VolumeRoom? Room => null;

    /// <summary>What binds initiators wherever they are served, if other nodes serve it too.</summary>
    ISharedReservations? SharedReservations => null;

    /// <summary>What <see cref="SaveReservationsAsync"/> saved last, or nothing.</summary>
    string Reservations => "";

    /// <summary>Bytes of UTF-8 that it can keep for reservations; 0 if it cannot keep any.</summary>
    int ReservationsMaximumBytes => 0;

    /// <summary>Keeps one line with the volume; completes when it is durable.</summary>
    ValueTask<IoStatus> SaveReservationsAsync(string text) => new(IoStatus.NotSupported);

    /// <summary>Tells what is stored from an offset on, as far as one look shows it.</summary>
    /// <param name="offsetBytes">Within the volume.</param>
    /// <param name="limitBytes">Look no further than this; more than 0.</param>
    ValueTask<VolumeExtent> FindExtentAsync(long offsetBytes, long limitBytes) =>
        new(new VolumeExtent(IoStatus.Ok, limitBytes, false));

    /// <summary>
    /// Writes; completes when readers see it, or with <paramref name="durable"/> (FUA) when it would
    /// survive a power cut.
    /// </summary>
    ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable);

    /// <summary>Longest write that <see cref="WriteAtomicAsync"/> takes, whole blocks; 0 for none.</summary>
    int AtomicBytes => 0;

    /// <summary>
    /// Writes whole blocks, all or none of them: to a reader who asks for up to 1 MiB, from a multiple of the
    /// block on, and after a crash.
    /// </summary>
    ValueTask<IoStatus> WriteAtomicAsync(long offsetBytes, IoSlice from, bool durable) =>
        new(IoStatus.NotSupported);

    /// <summary>
    /// Longest range that <see cref="CompareAndWriteAsync"/> takes; 0 where whoever compares and then writes
    /// keeps all other writers away by itself.
    /// </summary>
    int CompareAndWriteBytes => 0;

    /// <summary>
    /// Writes a range if it holds what is expected, with no other change of it in between, wherever that came
    /// from.
    /// </summary>
    /// <param name="offsetBytes">Of the range.</param>
    /// <param name="both">What is expected, and behind it what to write: twice the range's length.</param>
    ValueTask<CompareResult> CompareAndWriteAsync(long offsetBytes, IoSlice both) =>
        new(new CompareResult(IoStatus.NotSupported));

    /// <summary>Makes a range read as zeroes; whole blocks become holes and free their space.</summary>
    ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes);

    /// <summary>Makes everything that completed before this call durable.</summary>
    ValueTask<IoStatus> FlushAsync();
}
