// Disks that belong to no open pool, as those of a scan: nobody sweeps over their requests, so each operation
// has a timer of its own. A disk that is late is given up for good; what it still has to end goes on in the
// background and takes its memory and its descriptor along.
using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

internal static class PatientIo
{
    /// <summary>What is said of a disk that was given up.</summary>
    public const string NoAnswer = "does not answer";

    private const long PatienceNanoseconds = 5_000_000_000;

    /// <summary>Opens a disk; one that opens too late is closed again.</summary>
    public static ValueTask<Outcome<IDisk>> OpenAsync(ILoop loop, string path, DiskAccess access)
    {
        Outcome<IDisk> late = new Fault(
            "device-hangs", $"{path}: {NoAnswer}", "See the kernel log; detach the device if it stays so");
        return WithinAsync(loop, loop.Disks.OpenAsync(path, access), late, opened =>
        {
            if (opened.IsOk) LetGo(opened.Value);
        });
    }

    /// <summary>
    /// Reads. DeviceTimeout: the memory may still be written; the buffer is kept until that is over.
    /// </summary>
    public static async ValueTask<IoStatus> ReadAsync(
        ILoop loop, IDisk disk, long offsetBytes, IoBuffer into, int lengthBytes)
    {
        into.Retain();
        return await WithinAsync(
            loop, ReadThenReleaseAsync(disk, offsetBytes, into, lengthBytes), IoStatus.DeviceTimeout,
            static _ => { });
    }

    /// <summary>Closes a disk; one that takes too long closes in the background.</summary>
    public static async ValueTask CloseAsync(ILoop loop, IDisk disk) =>
        await WithinAsync(loop, CloseAsync(disk), Unit.Value, static _ => { });

    /// <summary>Closes a disk in the background, whenever it ends what it was asked.</summary>
    public static async void LetGo(IDisk disk) => await disk.CloseAsync();

    private static async ValueTask<IoStatus> ReadThenReleaseAsync(
        IDisk disk, long offsetBytes, IoBuffer into, int lengthBytes)
    {
        IoStatus status = await disk.ReadAsync(offsetBytes, into.First(lengthBytes));
        into.Release();
        return status;
    }

    private static async ValueTask<Unit> CloseAsync(IDisk disk)
    {
        await disk.CloseAsync();
        return Unit.Value;
    }

    private static async ValueTask<T> WithinAsync<T>(
        ILoop loop, ValueTask<T> work, T late, Action<T> endedLate)
    {
        TaskCompletionSource<T> first = new();
        ILoopTimer timer = loop.CreateTimer(() => first.TrySetResult(late));
        timer.Start(PatienceNanoseconds);
        Follow();
        return await first.Task;

        async void Follow()
        {
            T result = await work;
            timer.Stop();
            if (!first.TrySetResult(result)) endedLate(result);
        }
    }
}
