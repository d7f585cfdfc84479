using Cstor.Engine.Statistics;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Target.Scsi;

/// <summary>
/// A volume as a direct-access block device: geometry, mode parameters, who is attached, and the sets that
/// order its commands. Commands reach it through <see cref="DeviceServer"/>.
/// </summary>
internal sealed class LogicalUnit
{
    private const byte SynchronizeCache10 = 0x35;
    private const byte SynchronizeCache16 = 0x91;

    private readonly List<Nexus> _nexuses = [];
    private int _spaceWarnings;

    public LogicalUnit(IBlockVolume volume, string targetName, int logicalBlockBytes)
    {
        Volume = volume;
        Times = volume.Times ?? new VolumeTimes();
        TargetName = targetName;
        BlockBytes = logicalBlockBytes;
        Fence = new WriteFence(DeviceServer.Execute);
        Order = new TaskOrder(DeviceServer.Start);
        Reservations = new ReservationState(this);
        Ports = new PortGroup(this);
        _spaceWarnings = volume.SpaceWarnings;
        if (volume.SharedReservations is { } shared)
        {
            Reservations.TryLoad(shared.Text);
            shared.Changed = Reservations.OnChanged;
            return;
        }

        Check.That(Reservations.TryLoad(volume.Reservations));
    }

    public IBlockVolume Volume { get; }

    /// <summary>How commands fare: the volume's own where it counts, for it outlives the unit.</summary>
    public VolumeTimes Times { get; }

    /// <summary>iSCSI name of the target: SCSI device name of the designators.</summary>
    public string TargetName { get; }

    /// <summary>Logical block length.</summary>
    public int BlockBytes { get; }

    public ulong BlockCount => (ulong)(Volume.SizeBytes / BlockBytes);

    public ModeParameters Modes { get; } = new();

    public ReservationState Reservations { get; }

    /// <summary>How the unit is reached.</summary>
    public PortGroup Ports { get; }

    /// <summary>Results of EXTENDED COPY that wait to be asked for.</summary>
    public CopyResults Copies { get; } = new();

    public WriteFence Fence { get; }

    public TaskOrder Order { get; }

    /// <summary>Holds commands back where the volume has limits; set by the transport.</summary>
    public RateLimiter? Limiter { get; set; }

    /// <summary>Its part of the pool that other units use too, or null; set by the transport.</summary>
    public VolumeShare? Share { get; set; }

    public IReadOnlyList<Nexus> Nexuses => _nexuses;

    /// <summary>
    /// Takes away all tasks of initiator ports, for PREEMPT AND ABORT; completes when none of them can have
    /// an effect any more. Set by the transport.
    /// </summary>
    public Func<IReadOnlyCollection<string>, ValueTask> AbortTasksOf { get; set; } =
        static _ => ValueTask.CompletedTask;

    /// <summary>
    /// Finds a unit of this server by a designator, for an initiator who may use it; set by the transport.
    /// </summary>
    public UnitLookup FindUnit { get; set; } = static (_, _) => null;

    public long ReadBytes { get; set; }

    public long WrittenBytes { get; set; }

    public long ReadCommands { get; set; }

    public long WriteCommands { get; set; }

    public bool IsWriteProtected => Volume.IsReadOnly || Modes.SoftwareWriteProtect;

    /// <summary>Logical blocks of one volume block: the physical block and the unit of unmapping.</summary>
    public int BlocksPerVolumeBlock => Math.Max(1, Volume.BlockSizeBytes / BlockBytes);

    /// <summary>Most logical blocks of one transfer.</summary>
    public uint MaximumTransferBlocks => (uint)(Limits.MaximumTransferBytes / BlockBytes);

    /// <summary>Most logical blocks that COMPARE AND WRITE compares: one byte says how many.</summary>
    public uint MaximumCompareAndWriteBlocks => Volume.CompareAndWriteBytes == 0
        ? Limits.MaximumCompareAndWriteBlocks
        : (uint)Math.Min(Limits.MaximumCompareAndWriteBlocks, Volume.CompareAndWriteBytes / BlockBytes);

    /// <summary>These blocks are all within the unit.</summary>
    public bool Contains(ulong lba, ulong blocks) => lba <= BlockCount && blocks <= BlockCount - lba;

    public void Attach(Nexus nexus)
    {
        _nexuses.Add(nexus);
        nexus.Attend(Sense.PowerOn);
    }

    /// <summary>I_T nexus loss (SAM-5 §6.3.4): what the nexus held for itself ends with it.</summary>
    public void Detach(Nexus nexus)
    {
        _nexuses.Remove(nexus);
        Copies.Forget(nexus);
        Reservations.NexusLost(nexus);
    }

    /// <summary>As if the nexus had been lost and come back: I_T NEXUS RESET, SAM-5 §7.6.</summary>
    public void ResetNexus(Nexus nexus)
    {
        Copies.Forget(nexus);
        Reservations.NexusLost(nexus);
        nexus.Attend(Sense.NexusLoss);
    }

    /// <summary>Tells every nexus, or every one but the cause.</summary>
    public void AttendAll(Sense attention, Nexus? except = null)
    {
        foreach (Nexus nexus in _nexuses)
            if (!ReferenceEquals(nexus, except)) nexus.Attend(attention);
    }

    /// <summary>
    /// Tells every nexus when space has begun to run short: the soft threshold of SBC-3 §4.7.3.8. The volume
    /// counts, and whoever sends the next command is told.
    /// </summary>
    public void NoticeSpaceWarning()
    {
        if (Volume.SpaceWarnings == _spaceWarnings) return;
        _spaceWarnings = Volume.SpaceWarnings;
        AttendAll(Sense.ThinProvisioningSoftThreshold);
    }

    /// <summary>Reads or changes blocks: what limits are for. A flush never waits for them.</summary>
    public static bool IsTransfer(ScsiTask task) =>
        task.Command is { } command && command.Layout != CdbLayout.None && !IsFlush(task)
            && (command.Is(CommandFlags.Reads) || command.Is(CommandFlags.Writes));

    /// <summary>As what a command that has ended is counted, if it is.</summary>
    public static bool TryClassify(ScsiTask task, out EndedKind kind, out long bytes)
    {
        kind = EndedKind.Flush;
        bytes = 0;
        if (task.Command is not { } command) return false;
        if (IsFlush(task)) return true;
        if (command.Is(CommandFlags.Writes))
        {
            bool hasSize = command.Layout != CdbLayout.None;
            kind = hasSize ? EndedKind.Write : EndedKind.ChangeWithoutSize;
            if (hasSize) bytes = task.DataOutBytes;
            return true;
        }

        if (command.Layout == CdbLayout.None || !command.Is(CommandFlags.Reads)) return false;
        kind = EndedKind.Read;
        bytes = Math.Min(task.WantedBytes, task.ExpectedInBytes);
        return true;
    }

    private static bool IsFlush(ScsiTask task) => task.Cdb[0] is SynchronizeCache10 or SynchronizeCache16;

    /// <summary>Logical unit reset, SAM-5 §6.3.3, after its tasks were aborted.</summary>
    public void Reset()
    {
        Modes.Reset();
        Reservations.UnitReset();
        AttendAll(Sense.BusDeviceReset);
    }
}
