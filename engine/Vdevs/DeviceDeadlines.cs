namespace Cstor.Engine.Vdevs;

/// <summary>How long a device may take before it counts as hanging.</summary>
/// <param name="TransferNanoseconds">A read or a write.</param>
/// <param name="CommandNanoseconds">A flush or a discard: disks with large caches take long.</param>
internal readonly record struct DeviceDeadlines(long TransferNanoseconds, long CommandNanoseconds)
{
    public static DeviceDeadlines Default => Of(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(30));

    public static DeviceDeadlines Of(TimeSpan transfer, TimeSpan command) =>
        new(transfer.Ticks * 100, command.Ticks * 100);
}
