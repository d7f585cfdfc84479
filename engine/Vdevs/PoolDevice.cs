// A disk as a member of a pool: every request to it goes through here. It counts what went wrong, what is in
// flight, how long it takes, and which writes a flush covers (FlushCover), to leave out those that are not
// needed. What happens when the disk does not answer is said in DeviceWatch, which sweeps over the requests
// under way here.
using Cstor.Engine.Host;
using Cstor.Engine.Statistics;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>A leaf of the vdev tree, present or missing.</summary>
internal sealed class PoolDevice
{
    private readonly Stack<DeviceRequest> _idle = new(64);
    private readonly RequestQueue _transfers = new();
    private readonly RequestQueue _commands = new();
    private IDisk? _disk;
    private DeviceWatch? _watch;
    private FlushCover _flushes = new();
    private int _stuck;
    private TaskCompletionSource? _closing;
    private long _closingSince;

    /// <param name="config">What the label says of it.</param>
    /// <param name="disk">The open disk, or null if it is missing or left alone.</param>
    public PoolDevice(VdevConfig config, IDisk? disk)
    {
        Check.That(config.Kind == VdevKind.Disk);
        _disk = disk;
        Guid = config.Guid;
        Id = config.Id;
        SizeSectors = config.SizeSectors;
        Path = disk?.Path ?? config.Path;
        State = config.State;
        MissingFrom = config.MissingFrom;
    }

    public Guid Guid { get; }

    public int Id { get; }

    public long SizeSectors { get; }

    /// <summary>Position in the vdev's geometry, which the vdev assigns.</summary>
    public int Position { get; set; }

    public string Path { get; private set; }

    /// <summary>As the next label will say.</summary>
    public VdevState State { get; private set; }

    /// <summary>See <see cref="VdevConfig.MissingFrom"/>.</summary>
    public ulong MissingFrom { get; private set; }

    /// <summary>Times that it was taken out of use since import.</summary>
    public int Absences { get; private set; }

    /// <summary>
    /// Present, and holds everything that was acknowledged: may be read, and counts for a write.
    /// </summary>
    public bool IsCurrent => _disk is not null && State == VdevState.Online && MissingFrom == 0;

    public bool IsPresent => _disk is not null;

    /// <summary>
    /// Present, and being given what it misses: takes all writes, may not be read as good.
    /// </summary>
    public bool IsRebuilding => _disk is not null && State == VdevState.Online && MissingFrom != 0;

    /// <summary>Takes writes: holds everything, or will when it has been brought up to date.</summary>
    public bool IsWritable => _disk is not null && State == VdevState.Online;

    /// <summary>
    /// May be asked; unless it is current, only by who can tell right contents from old ones.
    /// </summary>
    public bool IsReadable => _disk is not null && !IsHung;

    /// <summary>
    /// Reads should go elsewhere if they can: the device hangs, or is slow and due no probe.
    /// </summary>
    public bool IsAvoided => IsHung || (IsSlow && Probes.Due == 0);

    /// <summary>Wrong or unreadable parts that were rewritten since import.</summary>
    public long RepairedParts { get; set; }

    /// <summary>The open disk; asking for a missing one is a bug.</summary>
    public IDisk Disk
    {
        get
        {
            Check.That(_disk is not null);
            return _disk;
        }
    }

    /// <summary>Requests under way that somebody waits for.</summary>
    public int InFlight { get; private set; }

    /// <summary>
    /// The disk did not answer in time and has not ended all its requests yet: everything is refused at once
    /// with <see cref="IoStatus.DeviceTimeout"/>.
    /// </summary>
    public bool IsHung => _stuck > 0;

    /// <summary>Times that the device began to hang.</summary>
    public long HangCount { get; private set; }

    /// <summary>When it last began to hang, on the loop's clock.</summary>
    public long LastHangNanoseconds { get; private set; }

    /// <summary>Of reads that the disk has ended.</summary>
    public DeviceLatency ReadLatency { get; } = new();

    /// <summary>Of writes that the disk has ended.</summary>
    public DeviceLatency WriteLatency { get; } = new();

    /// <summary>Of all that the disk has ended.</summary>
    public DeviceTimes Times { get; } = new();

    /// <summary>
    /// Slow beside its siblings (see <see cref="SlowDevices"/>): "slow: reads take 210 ms, its siblings' 2.0
    /// ms", or empty.
    /// </summary>
    public string SlowText { get; internal set; } = "";

    public ReadProbes Probes { get; } = new();

    public bool IsSlow => SlowText.Length > 0;

    /// <summary>For <c>pool status</c>: that the device hangs or is slow, or empty.</summary>
    public string ConditionText => !IsHung
        ? SlowText
        : $"does not answer: {_stuck} {(_stuck == 1 ? "request hangs" : "requests hang")}";

    /// <summary>Is among those that the watch sweeps over.</summary>
    internal bool IsSwept { get; set; }

    /// <summary>Has something that a deadline applies to.</summary>
    internal bool IsBusy => InFlight > 0 || IsClosing;

    /// <summary>Where the newest request ended, for locality.</summary>
    public long LastOffsetBytes { get; private set; }

    public long ReadErrors { get; private set; }

    /// <summary>Failed writes, flushes and label writes.</summary>
    public long WriteErrors { get; private set; }

    public long ChecksumErrors { get; set; }

    /// <summary>
    /// What was found in the four labels when the device was opened, and whether it was rewritten since.
    /// </summary>
    public IReadOnlyList<LabelFinding> Labels { get; set; } = [];

    public bool LabelsRewritten { get; set; }

    /// <summary>The tree's leaf as the next label will have it.</summary>
    public VdevConfig Config => new()
    {
        Kind = VdevKind.Disk,
        Guid = Guid,
        Id = Id,
        SizeSectors = SizeSectors,
        State = State,
        MissingFrom = MissingFrom,
        Path = Path,
    };

    /// <summary>Takes the device out of use; it lacks what is born from now on.</summary>
    public void Exclude(VdevState state, ulong missingFrom)
    {
        Check.That(state != VdevState.Online && missingFrom != 0);
        State = state;
        Absences++;
        if (MissingFrom == 0 || missingFrom < MissingFrom) MissingFrom = missingFrom;
    }

    /// <summary>
    /// Takes the device back, or a disk in the place of one that was not there: it is given what it misses.
    /// </summary>
    /// <param name="disk">The open disk, or null to keep the one it has.</param>
    public void BringBack(IDisk? disk)
    {
        Check.That(disk is null ? _disk is not null : _disk is null);
        if (disk is not null)
        {
            _disk = disk;
            Path = disk.Path;
            _flushes = new FlushCover();
        }

        State = VdevState.Online;
    }

    /// <summary>Holds nothing of the pool yet, or nothing that can be trusted.</summary>
    public void LackEverything()
    {
        Absences++;
        MissingFrom = 1;
    }

    /// <summary>Waits again to stand in for another.</summary>
    public void BecomeSpare()
    {
        Absences++;
        MissingFrom = 0;
        State = VdevState.Online;
    }

    /// <summary>Forgets what was counted.</summary>
    public void ClearErrors()
    {
        ReadErrors = 0;
        WriteErrors = 0;
        ChecksumErrors = 0;
        RepairedParts = 0;
    }

    /// <summary>Closes the disk of a device that is out of use, so that it can be taken away.</summary>
    public async ValueTask ReleaseDiskAsync()
    {
        if (_disk is null) return;
        ValueTask closing = CloseAsync();
        _disk = null;
        await closing;
        _closing = null;
    }

    /// <summary>Has been given everything that it missed.</summary>
    public void Complete()
    {
        Check.That(IsRebuilding);
        MissingFrom = 0;
    }

    /// <summary>Device offset of a sector of the data area.</summary>
    public static long OffsetOf(long sector) => Layout.DataStartBytes + (sector << Layout.SectorShift);

    /// <summary>
    /// Reads. DeviceTimeout: the device hangs, and may still write to the memory (see
    /// <see cref="IoStatus.DeviceTimeout"/>). Buffers of the loop's pool are kept from reuse until it has
    /// ended; whoever reads into or writes from other memory must keep that unused himself, for ever.
    /// </summary>
    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        if (Refusal is var refusal and not IoStatus.Ok) return new ValueTask<IoStatus>(refusal);
        Begin(offsetBytes + into.LengthBytes);
        return Track(
            DeviceRequestKind.Read, 0, Disk.ReadAsync(offsetBytes, into), new ReadOnlySpan<IoSlice>(in into));
    }

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, ReadOnlySpan<IoSlice> into)
    {
        if (Refusal is var refusal and not IoStatus.Ok) return new ValueTask<IoStatus>(refusal);
        Begin(offsetBytes + DeviceRequest.LengthOf(into));
        return Track(DeviceRequestKind.Read, 0, Disk.ReadAsync(offsetBytes, into), into);
    }

    /// <summary>Writes; of the memory the same is true as for a read.</summary>
    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from)
    {
        if (Refusal is var refusal and not IoStatus.Ok) return new ValueTask<IoStatus>(refusal);
        Begin(offsetBytes + from.LengthBytes);
        return Track(
            DeviceRequestKind.Write, 0, Disk.WriteAsync(offsetBytes, from),
            new ReadOnlySpan<IoSlice>(in from));
    }

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, ReadOnlySpan<IoSlice> from)
    {
        if (Refusal is var refusal and not IoStatus.Ok) return new ValueTask<IoStatus>(refusal);
        Begin(offsetBytes + DeviceRequest.LengthOf(from));
        return Track(DeviceRequestKind.Write, 0, Disk.WriteAsync(offsetBytes, from), from);
    }

    /// <summary>Makes every write that completed before this call durable.</summary>
    public ValueTask<IoStatus> FlushAsync()
    {
        if (KnownFlush is { } known) return new ValueTask<IoStatus>(known);
        Begin();
        return Track(DeviceRequestKind.Flush, _flushes.CompletedWrites, Disk.FlushAsync(), []);
    }

    public ValueTask<IoStatus> DiscardAsync(long offsetBytes, long lengthBytes)
    {
        if (Refusal is var refusal and not IoStatus.Ok) return new ValueTask<IoStatus>(refusal);
        if (!Disk.SupportsDiscard) return new ValueTask<IoStatus>(IoStatus.NotSupported);
        Begin();
        return Track(DeviceRequestKind.Discard, 0, Disk.DiscardAsync(offsetBytes, lengthBytes), []);
    }

    /// <summary>
    /// As <see cref="ReadAsync(long, ReadOnlySpan{IoSlice})"/>, telling an owner of several requests.
    /// </summary>
    public void Read(long offsetBytes, ReadOnlySpan<IoSlice> into, IRequestOwner owner, int tag)
    {
        if (Refusal is var refusal and not IoStatus.Ok)
        {
            owner.OnRequestEnded(tag, refusal);
            return;
        }

        Begin(offsetBytes + DeviceRequest.LengthOf(into));
        Track(DeviceRequestKind.Read, 0, Disk.ReadAsync(offsetBytes, into), into, owner, tag);
    }

    /// <summary>
    /// As <see cref="WriteAsync(long, ReadOnlySpan{IoSlice})"/>, telling an owner of several requests.
    /// </summary>
    public void Write(long offsetBytes, ReadOnlySpan<IoSlice> from, IRequestOwner owner, int tag)
    {
        if (Refusal is var refusal and not IoStatus.Ok)
        {
            owner.OnRequestEnded(tag, refusal);
            return;
        }

        Begin(offsetBytes + DeviceRequest.LengthOf(from));
        Track(DeviceRequestKind.Write, 0, Disk.WriteAsync(offsetBytes, from), from, owner, tag);
    }

    /// <summary>As <see cref="FlushAsync"/>, telling an owner of several requests.</summary>
    public void Flush(IRequestOwner owner, int tag)
    {
        if (KnownFlush is { } known)
        {
            owner.OnRequestEnded(tag, known);
            return;
        }

        Begin();
        Track(DeviceRequestKind.Flush, _flushes.CompletedWrites, Disk.FlushAsync(), [], owner, tag);
    }

    /// <summary>
    /// Closes once the I/O under way has ended; a disk that hangs, now or meanwhile, is let go of: it closes
    /// itself when its requests have ended, and stays locked until then.
    /// </summary>
    public async ValueTask CloseAsync()
    {
        if (_disk is null || _closing is not null) return;
        _closing = new TaskCompletionSource();
        _closingSince = _watch?.NowNanoseconds ?? 0;
        CloseDisk(_disk, _closing);
        if (IsHung) LetGo();
        else if (IsBusy) _watch?.Arm(this);
        await _closing.Task;
    }

    /// <summary>Answers for the disk where it is late.</summary>
    internal void Sweep(long now)
    {
        if (_watch is not { } watch) return;
        bool isLate = (_transfers.Oldest is { } transfer && watch.IsLate(transfer, now))
            || (_commands.Oldest is { } command && watch.IsLate(command, now));
        if (isLate) Hang(watch, now);
        if (IsClosing && watch.IsLate(_closingSince, watch.Deadlines.TransferNanoseconds, now)) LetGo();
    }

    internal void SetWatch(DeviceWatch watch)
    {
        if (_watch == watch) return;
        _watch = watch;
        IsSwept = false;
        _transfers.Restart(watch.NowNanoseconds);
        _commands.Restart(watch.NowNanoseconds);
        if (IsBusy) watch.Arm(this);
    }

    /// <summary>The disk has ended a request, in time or long after it was given up.</summary>
    internal void OnEnded(DeviceRequest request, IoStatus status)
    {
        if (_watch is { } watch && request.StartedNanoseconds != 0)
        {
            // An answer that did not have to come from a disk may be there in the turn that asked for it.
            long took = Math.Max(0, watch.TurnNanoseconds - request.StartedNanoseconds);
            if (request.Kind == DeviceRequestKind.Read) ReadLatency.Add(took, IsSlow);
            else if (request.Kind == DeviceRequestKind.Write) WriteLatency.Add(took);
            Times.Add(request, took);
        }

        _flushes.Note(request.Kind, request.WritesCovered, status);
        if (!request.IsGivenUp)
        {
            QueueOf(request).Remove(request);
            InFlight--;
            if (status != IoStatus.Ok) CountError(request.Kind);
        }
        else if (--_stuck == 0)
        {
            _watch?.OnAnswer(this);
        }
    }

    internal void Recycle(DeviceRequest request) => _idle.Push(request);

    private IoStatus Refusal => _disk is null ? IoStatus.DeviceGone
        : IsHung ? IoStatus.DeviceTimeout : IoStatus.Ok;

    /// <summary>What a flush answers without the disk, or null.</summary>
    private IoStatus? KnownFlush => Refusal is var refusal and not IoStatus.Ok ? refusal : _flushes.Known;

    private bool IsClosing => _closing is { Task.IsCompleted: false };

    private void Hang(DeviceWatch watch, long now)
    {
        int before = InFlight;
        HangCount++;
        LastHangNanoseconds = now;
        // All memory first: who is answered may give back what another request uses too.
        _stuck += _transfers.KeepMemory(watch.Buffers) + _commands.KeepMemory(watch.Buffers);
        watch.OnHang(this, before);
        GiveUp(_transfers);
        GiveUp(_commands);
        if (IsClosing) LetGo();
    }

    private void GiveUp(RequestQueue queue)
    {
        while (queue.Oldest is { } request)
        {
            queue.Remove(request);
            InFlight--;
            CountError(request.Kind);
            request.GiveUp();
        }
    }

    private void LetGo()
    {
        if (!_closing!.TrySetResult()) return;
        _watch?.OnLetGo(this);
    }

    private async void CloseDisk(IDisk disk, TaskCompletionSource closing)
    {
        await disk.CloseAsync();
        if (!closing.TrySetResult()) _watch?.OnClosedLate(this);
    }

    private void CountError(DeviceRequestKind kind)
    {
        if (kind == DeviceRequestKind.Read) ReadErrors++;
        else if (kind != DeviceRequestKind.Discard) WriteErrors++;
    }

    // Before the disk is asked.
    private void Begin(long endOffsetBytes)
    {
        LastOffsetBytes = endOffsetBytes;
        Begin();
    }

    private void Begin()
    {
        if (InFlight++ == 0) _watch?.Arm(this);
    }

    private ValueTask<IoStatus> Track(
        DeviceRequestKind kind, long writesCovered, ValueTask<IoStatus> disk, ReadOnlySpan<IoSlice> memory) =>
        disk.IsCompleted
            ? new ValueTask<IoStatus>(EndAtOnce(kind, writesCovered, disk))
            : Rent(kind, writesCovered, memory).Start(disk);

    private void Track(
        DeviceRequestKind kind,
        long writesCovered,
        ValueTask<IoStatus> disk,
        ReadOnlySpan<IoSlice> memory,
        IRequestOwner owner,
        int tag)
    {
        if (disk.IsCompleted) owner.OnRequestEnded(tag, EndAtOnce(kind, writesCovered, disk));
        else Rent(kind, writesCovered, memory).Start(disk, owner, tag);
    }

    private IoStatus EndAtOnce(DeviceRequestKind kind, long writesCovered, ValueTask<IoStatus> disk)
    {
        IoStatus status = disk.GetAwaiter().GetResult();
        InFlight--;
        _flushes.Note(kind, writesCovered, status);
        if (status != IoStatus.Ok) CountError(kind);
        return status;
    }

    private DeviceRequest Rent(DeviceRequestKind kind, long writesCovered, ReadOnlySpan<IoSlice> memory)
    {
        if (!_idle.TryPop(out DeviceRequest? request)) request = new DeviceRequest(this);
        request.Describe(kind, writesCovered, _watch?.NowNanoseconds ?? 0, memory);
        QueueOf(request).Add(request);
        if (kind == DeviceRequestKind.Read) Probes.Take();
        return request;
    }

    private RequestQueue QueueOf(DeviceRequest request) =>
        request.Kind is DeviceRequestKind.Read or DeviceRequestKind.Write ? _transfers : _commands;
}
