using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cstor.Engine.Host.Linux.Abi;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// An io_uring, by raw system calls. Requests are queued in shared memory and handed to the kernel every few
/// operations (measured best: 4 to 8) and before waiting. The kernel posts completions only while this thread
/// is inside io_uring_enter (DEFER_TASKRUN), so nothing interrupts a turn of the loop, and the thread never
/// spins. Older kernels get fewer flags, the same semantics. Belongs to the thread that made it.
/// </summary>
internal sealed unsafe class Ring : IDisposable
{
    private const uint SubmitBatch = 8;
    private const int FileTableEntries = 4096;
    private const int RefusalLimit = 100_000;
    private const uint BoundedWorkerLimit = 512;

    /// <summary>From the best to what every supported kernel has.</summary>
    private static readonly uint[] FlagSets =
    [
        RingConstants.SetupSingleIssuer | RingConstants.SetupDeferTaskRun | RingConstants.SetupTaskRunFlag
            | RingConstants.SetupNoSubmissionArray | RingConstants.SetupSubmitAll,
        RingConstants.SetupSingleIssuer | RingConstants.SetupDeferTaskRun | RingConstants.SetupTaskRunFlag
            | RingConstants.SetupSubmitAll,
        RingConstants.SetupCooperative | RingConstants.SetupTaskRunFlag | RingConstants.SetupSubmitAll,
        0,
    ];

    private readonly int _file;
    private readonly uint _setupFlags;
    private readonly nint _mapping;
    private readonly nuint _mappingBytes;
    private readonly SubmissionEntry* _entries;
    private readonly nuint _entriesBytes;
    private readonly uint* _submissionHead;
    private readonly uint* _submissionTail;
    private readonly uint* _submissionFlags;
    private readonly uint _submissionMask;
    private readonly uint _submissionCount;
    private readonly uint* _completionHead;
    private readonly uint* _completionTail;
    private readonly uint _completionMask;
    private readonly CompletionEntry* _completions;
    private readonly KernelTimespec* _timespec;
    private readonly WaitArgument* _waitArgument;
    private readonly Stack<int> _freeFiles = new();
    private readonly Stack<int> _freeSlots = new();
    private readonly int _threadId = Environment.CurrentManagedThreadId;
    private RingOperation?[] _operations = new RingOperation?[256];
    private int _enterFile;
    private uint _enterFlags;
    private uint _tail;
    private bool _disposed;

    private Ring(
        int file,
        in RingParameters parameters,
        nint mapping,
        nuint mappingBytes,
        nint entries,
        nuint entriesBytes)
    {
        _file = file;
        _enterFile = file;
        _setupFlags = parameters.Flags;
        _mapping = mapping;
        _mappingBytes = mappingBytes;
        _entries = (SubmissionEntry*)entries;
        _entriesBytes = entriesBytes;
        byte* shared = (byte*)mapping;
        _submissionHead = (uint*)(shared + parameters.Submission.Head);
        _submissionTail = (uint*)(shared + parameters.Submission.Tail);
        _submissionFlags = (uint*)(shared + parameters.Submission.Flags);
        _submissionCount = parameters.SubmissionEntries;
        _submissionMask = parameters.SubmissionEntries - 1;
        _completionHead = (uint*)(shared + parameters.Completion.Head);
        _completionTail = (uint*)(shared + parameters.Completion.Tail);
        _completionMask = parameters.CompletionEntries - 1;
        _completions = (CompletionEntry*)(shared + parameters.Completion.Entries);
        _timespec = (KernelTimespec*)NativeMemory.AllocZeroed(
            (nuint)(sizeof(KernelTimespec) + sizeof(WaitArgument)));
        _waitArgument = (WaitArgument*)(_timespec + 1);
        if ((parameters.Flags & RingConstants.SetupNoSubmissionArray) == 0)
        {
            uint* array = (uint*)(shared + parameters.Submission.Array);
            for (uint i = 0; i < _submissionCount; i++) array[i] = i;
        }

        for (int slot = _operations.Length - 1; slot >= 0; slot--) _freeSlots.Push(slot);
    }

    /// <summary>Requests that have not ended yet, queued ones included.</summary>
    public int InFlightCount { get; private set; }

    /// <summary>Requests queued and not yet handed to the kernel.</summary>
    public uint QueuedCount => unchecked(_tail - Volatile.Read(ref *_submissionHead));

    /// <summary>Completions are waiting to be run.</summary>
    public bool HasCompletions => Volatile.Read(ref *_completionTail) != *_completionHead;

    /// <summary>The kernel holds back completions until the next <see cref="Submit"/> with events.</summary>
    public bool HasHeldCompletions =>
        (Volatile.Read(ref *_submissionFlags) & RingConstants.SubmissionTaskRun) != 0;

    /// <summary>Linux 6.1 or newer, judged by the flags it took.</summary>
    public bool IsModern => (_setupFlags & RingConstants.SetupDeferTaskRun) != 0;

    /// <summary>Makes a ring for the calling thread.</summary>
    public static Outcome<Ring> Create(uint entries, uint completionEntries)
    {
        foreach (uint flags in FlagSets)
        {
            RingParameters parameters = default;
            parameters.Flags = flags | RingConstants.SetupCompletionSize | RingConstants.SetupClamp;
            parameters.CompletionEntries = completionEntries;
            int file = Libc.RingSetup(entries, &parameters);
            if (file == -Errno.EINVAL) continue;
            return file < 0 ? RingFaults.ForSetup(-file, DisabledSetting()) : Map(file, parameters);
        }

        return RingFaults.TooOld();
    }

    /// <summary>Gives an operation a slot.</summary>
    public void Attach(RingOperation operation)
    {
        Check.That(operation.Slot == -1);
        if (_freeSlots.Count == 0)
        {
            int old = _operations.Length;
            Array.Resize(ref _operations, old * 2);
            for (int slot = _operations.Length - 1; slot >= old; slot--) _freeSlots.Push(slot);
        }

        operation.Slot = _freeSlots.Pop();
        _operations[operation.Slot] = operation;
    }

    /// <summary>Takes the slot back; no request of the operation may be under way.</summary>
    public void Detach(RingOperation operation)
    {
        if (operation.Slot < 0) return;
        _operations[operation.Slot] = null;
        _freeSlots.Push(operation.Slot);
        operation.Slot = -1;
    }

    /// <summary>
    /// Enters a file into the ring's table, which saves the kernel a look-up for each request.
    /// </summary>
    public RingFile Register(int descriptor)
    {
        if (!_freeFiles.TryPop(out int index)) return new RingFile(descriptor, -1);
        if (UpdateFile(index, descriptor)) return new RingFile(descriptor, index);
        _freeFiles.Push(index);
        return new RingFile(descriptor, -1);
    }

    /// <summary>Takes a file out of the table; the descriptor stays open.</summary>
    public void Unregister(RingFile file)
    {
        if (file.TableIndex < 0 || _disposed) return;
        if (UpdateFile(file.TableIndex, -1)) _freeFiles.Push(file.TableIndex);
    }

    /// <summary>Queues a request; hands the queue to the kernel when it holds a batch.</summary>
    public void Queue(
        RingOperation operation,
        byte opcode,
        RingFile file,
        long offset,
        nint address,
        uint length,
        uint operationFlags = 0,
        ushort priority = 0,
        ulong address3 = 0)
    {
        Check.That(operation.Slot >= 0 && Environment.CurrentManagedThreadId == _threadId);
        if (QueuedCount >= _submissionCount) MakeRoom();
        SubmissionEntry* entry = _entries + (_tail & _submissionMask);
        *entry = default;
        entry->Opcode = opcode;
        entry->Flags = file.TableIndex >= 0 ? RingConstants.EntryFixedFile : (byte)0;
        entry->File = file.TableIndex >= 0 ? file.TableIndex : file.Descriptor;
        entry->IoPriority = priority;
        entry->Offset = (ulong)offset;
        entry->Address = (ulong)address;
        entry->Length = length;
        entry->OperationFlags = operationFlags;
        entry->UserData = (ulong)operation.Slot;
        entry->Address3 = address3;
        unchecked { _tail++; }
        Volatile.Write(ref *_submissionTail, _tail);
        InFlightCount++;
        if (QueuedCount >= SubmitBatch) Submit(getEvents: false);
    }

    /// <summary>Runs the completions at hand, not those that come meanwhile.</summary>
    /// <returns>How many there were.</returns>
    public int RunCompletions()
    {
        uint head = *_completionHead;
        uint tail = Volatile.Read(ref *_completionTail);
        int count = unchecked((int)(tail - head));
        for (; head != tail; head = unchecked(head + 1))
        {
            CompletionEntry entry = _completions[head & _completionMask];
            // Freed before the callback, which may enter the kernel and need the room.
            Volatile.Write(ref *_completionHead, unchecked(head + 1));
            RingOperation? operation = _operations[(int)entry.UserData];
            Check.That(operation is not null);
            if ((entry.Flags & RingConstants.CompletionMore) == 0) InFlightCount--;
            operation.OnCompletion(entry.Result, entry.Flags);
        }

        return count;
    }

    /// <summary>
    /// Hands the queue to the kernel; with <paramref name="getEvents"/> also fetches completions, without
    /// waiting.
    /// </summary>
    public void Submit(bool getEvents)
    {
        uint queued = QueuedCount;
        if (queued == 0 && !getEvents) return;
        Enter(queued, 0, getEvents ? RingConstants.EnterGetEvents : 0, null, 0);
    }

    /// <summary>
    /// Hands the queue to the kernel and sleeps until a completion is there, or until the time is over.
    /// </summary>
    /// <param name="timeoutNanoseconds">How long at most; negative for ever.</param>
    public void SubmitAndWait(long timeoutNanoseconds)
    {
        if (timeoutNanoseconds < 0)
        {
            Enter(QueuedCount, 1, RingConstants.EnterGetEvents, null, 0);
            return;
        }

        _timespec->Seconds = timeoutNanoseconds / 1_000_000_000;
        _timespec->Nanoseconds = timeoutNanoseconds % 1_000_000_000;
        _waitArgument->Timespec = (ulong)_timespec;
        Enter(
            QueuedCount,
            1,
            RingConstants.EnterGetEvents | RingConstants.EnterExtendedArgument,
            _waitArgument,
            sizeof(WaitArgument));
    }

    /// <summary>
    /// Asks the kernel to end everything under way; what runs in a device goes on until the device answers.
    /// </summary>
    public void CancelAll(RingOperation operation) => Queue(
        operation,
        RingConstants.OpCancel,
        new RingFile(-1, -1),
        0,
        0,
        0,
        RingConstants.CancelAll | RingConstants.CancelAny);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _ = Libc.Unmap((nint)_entries, _entriesBytes);
        _ = Libc.Unmap(_mapping, _mappingBytes);
        _ = Libc.Close(_file);
        NativeMemory.Free(_timespec);
    }

    private static Outcome<Ring> Map(int file, in RingParameters parameters)
    {
        const uint needed = RingConstants.FeatureSingleMapping | RingConstants.FeatureNoDrop
            | RingConstants.FeatureFastPoll | RingConstants.FeatureExtendedArgument;
        if ((parameters.Features & needed) != needed)
        {
            _ = Libc.Close(file);
            return RingFaults.TooOld();
        }

        nuint arrayBytes = (parameters.Flags & RingConstants.SetupNoSubmissionArray) == 0
            ? parameters.Submission.Array + parameters.SubmissionEntries * sizeof(uint) : 0;
        nuint completionBytes = parameters.Completion.Entries
            + parameters.CompletionEntries * (nuint)sizeof(CompletionEntry);
        nuint ringBytes = Math.Max(arrayBytes, completionBytes);
        nuint entriesBytes = parameters.SubmissionEntries * (nuint)sizeof(SubmissionEntry);
        nint rings = Libc.Map(ringBytes, file, RingConstants.OffsetSubmissionRing);
        nint entries = rings is < 0 and > -4096
            ? rings : Libc.Map(entriesBytes, file, RingConstants.OffsetSubmissionEntries);
        if (entries is < 0 and > -4096)
        {
            if (rings is >= 0 or <= -4096) _ = Libc.Unmap(rings, ringBytes);
            _ = Libc.Close(file);
            return RingFaults.ForSetup((int)-entries, null);
        }

        var ring = new Ring(file, parameters, rings, ringBytes, entries, entriesBytes);
        ring.RegisterItself();
        ring.RegisterWorkerLimit();
        ring.RegisterFileTable();
        return ring;
    }

    private static string? DisabledSetting()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/io_uring_disabled").Trim();
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>
    /// Saves the look-up of the ring's own descriptor at each entry (Linux 5.18). Optional.
    /// </summary>
    private void RegisterItself()
    {
        var update = new ResourceUpdate { Offset = uint.MaxValue, Data = (ulong)_file };
        if (Libc.RingRegister(_file, RingConstants.RegisterRingFiles, &update, 1) != 1) return;
        _enterFile = (int)update.Offset;
        _enterFlags = RingConstants.EnterRegisteredRing;
    }

    /// <summary>
    /// What may block (every flush, writes to a file whose system is frozen) runs on threads of the kernel,
    /// of which a ring has 4 for each processor: as many hanging flushes would stop all others. They are
    /// started when needed. Optional (Linux 5.15).
    /// </summary>
    private void RegisterWorkerLimit()
    {
        // Bounded work, that on disks; zero leaves the limit of the other kind as it is.
        uint* limits = stackalloc uint[2] { BoundedWorkerLimit, 0 };
        _ = Libc.RingRegister(_file, RingConstants.RegisterWorkerLimits, limits, 2);
    }

    /// <summary>
    /// An empty table of files. Optional: requests name descriptors where it is missing or full.
    /// </summary>
    private void RegisterFileTable()
    {
        int[] empty = new int[FileTableEntries];
        Array.Fill(empty, -1);
        fixed (int* files = empty)
        {
            // The table may not be larger than the limit on open files.
            int entries = FileTableEntries;
            while (entries >= 64
                && Libc.RingRegister(_file, RingConstants.RegisterFiles, files, (uint)entries) < 0)
            {
                entries /= 2;
            }

            if (entries < 64) return;
            for (int index = entries - 1; index >= 0; index--) _freeFiles.Push(index);
        }
    }

    private bool UpdateFile(int index, int descriptor)
    {
        var update = new ResourceUpdate { Offset = (uint)index, Data = (ulong)&descriptor };
        return Libc.RingRegister(_file, RingConstants.RegisterFilesUpdate, &update, 1) == 1;
    }

    private void Enter(uint submit, uint minComplete, uint flags, void* argument, nint argumentBytes)
    {
        int result = Libc.RingEnter(
            _enterFile, submit, minComplete, flags | _enterFlags, argument, argumentBytes);
        // Signals and time-outs end a wait early; shortage leaves requests queued for the next turn.
        Check.That(result >= 0
            || -result is Errno.EINTR or Errno.ETIME or Errno.EAGAIN or Errno.EBUSY or Errno.ENOMEM);
    }

    /// <summary>The kernel took nothing although the queue is full: it is short of memory.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void MakeRoom()
    {
        for (int attempt = 0; QueuedCount >= _submissionCount; attempt++)
        {
            Check.That(attempt < RefusalLimit);
            Submit(getEvents: true);
            Thread.Yield();
        }
    }
}
