// A disk of the simulated world, seen from its own side: content, volatile cache, faults and counters. It
// outlives the node's crashes; what an engine holds is a SimulatedDiskHandle. Nothing of it is kind: the
// memory of a read is scribbled over at once, the memory of a write must not change until completion,
// discarded sectors turn to garbage, and a read that races with a write sees either.
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

public sealed class SimulatedDisk
{
    private const int SectorBytes = SectorStore.SectorBytes;

    private readonly SimulatedRandom _random;
    private readonly List<DiskWrite> _underWay = [];
    private readonly long[] _requests = new long[4];
    private readonly List<Action> _held = [];
    private Predicate<DiskRequestKind> _hangs = static _ => false;
    private SectorStore _store;
    private long _submitted;
    private long _completed;

    internal SimulatedDisk(SimulatedNode node, string path, long sizeBytes, bool isGarbageAtFirst)
        : this(node, path, sizeBytes, new SectorStore(isGarbageAtFirst ? node.Random.Next() : null))
    {
    }

    internal SimulatedDisk(SimulatedNode node, string path, long sizeBytes, SectorStore store)
    {
        Node = node;
        Path = path;
        SizeBytes = sizeBytes & -SectorBytes;
        _store = store;
        _random = SimulatedRandom.For(node.Machine.Seed, $"disk {node.Name} {path}");
    }

    public SimulatedNode Node { get; }

    public string Path { get; }

    public long SizeBytes { get; private set; }

    public DiskFaults Faults { get; } = new();

    /// <summary>Whether discard is announced and done.</summary>
    public bool SupportsDiscard { get; set; } = true;

    /// <summary>
    /// 512 or 4096: what is announced; crashes tear by 512 in either case only where the crash mode says so.
    /// </summary>
    public int PhysicalSectorBytes { get; set; } = SectorBytes;

    public long ReadBytes { get; private set; }

    public long WrittenBytes { get; private set; }

    /// <summary>Sectors with content that a power cut would put at risk.</summary>
    public int UnflushedSectors => _store.UnflushedSectors;

    internal SimulatedDiskHandle? ExclusiveHolder { get; set; }

    /// <summary>Requests of a kind received so far.</summary>
    public long Requests(DiskRequestKind kind) => _requests[(int)kind];

    /// <summary>What a read of the sector at this offset would see now.</summary>
    public byte[] Peek(long offsetBytes) => _store.Read(SectorAt(offsetBytes)).ToArray();

    /// <summary>Replaces a sector, durably and at once.</summary>
    public void Poke(long offsetBytes, ReadOnlySpan<byte> sector) =>
        _store.Overwrite(SectorAt(offsetBytes), sector.ToArray());

    /// <summary>Flips one bit of the sector at this offset, drawn from the seed.</summary>
    public void Rot(long offsetBytes)
    {
        byte[] bytes = Peek(offsetBytes);
        int bit = _random.Below(SectorBytes * 8);
        bytes[bit / 8] ^= checked((byte)(1 << (bit % 8)));
        Poke(offsetBytes, bytes);
    }

    /// <summary>Offsets of all sectors ever written, ascending: where damage can be done.</summary>
    public IReadOnlyList<long> WrittenOffsets() =>
        [.. _store.WrittenSectors.Order().Select(sector => sector * SectorBytes)];

    /// <summary>Makes the disk larger, as a file or a volume below can be.</summary>
    public void Grow(long sizeBytes)
    {
        Check.That(sizeBytes >= SizeBytes);
        SizeBytes = sizeBytes & -SectorBytes;
    }

    /// <summary>What a power cut now would leave, without cutting it.</summary>
    public DiskImage ImageAfterCrash(CrashMode mode, ulong seed)
    {
        SectorStore store = _store.Clone();
        SimulatedRandom random = SimulatedRandom.For(seed, "image " + Path);
        store.LosePower(mode, Shuffled(UnappliedWrites(), random), random);
        return new DiskImage(Path, SizeBytes, store);
    }

    /// <summary>
    /// From now on no request ends, those under way included, until <see cref="EndHang"/>.
    /// </summary>
    /// <param name="kinds">Only of these kinds; all if none are named.</param>
    public void Hang(params DiskRequestKind[] kinds) =>
        _hangs = kinds.Length == 0 ? static _ => true : kinds.Contains;

    /// <summary>Requests that hang and those that follow end as usual.</summary>
    public void EndHang()
    {
        _hangs = static _ => false;
        foreach (Action finish in _held) finish();
        _held.Clear();
    }

    internal void LosePower(CrashMode mode, SimulatedRandom random)
    {
        _held.Clear();
        _store.LosePower(mode, Shuffled(UnappliedWrites(), random), random);
        _underWay.Clear();
        ExclusiveHolder = null;
    }

    internal void FinishSubmitted()
    {
        foreach (DiskWrite write in Shuffled(UnappliedWrites(), _random)) _store.Apply(write);
        _underWay.Clear();
        ExclusiveHolder = null;
    }

    internal ValueTask<IoStatus> Read(SimulatedDiskHandle handle, long offsetBytes, IoSlice[] into)
    {
        SimulatedCompletion<IoStatus> completion = new();
        if (handle.Loop.IsDead) return completion.Task;
        long lengthBytes = CheckRange(offsetBytes, into);
        DiskFault fault = Receive(DiskRequestKind.Read, offsetBytes, lengthBytes);
        ReadBytes += lengthBytes;
        foreach (IoSlice slice in into) slice.Span.Fill(0xDB);
        Complete(handle, completion, DiskRequestKind.Read, fault, () =>
        {
            if (fault == DiskFault.Error) return IoStatus.DeviceError;
            if (fault == DiskFault.Rot)
                Rot(offsetBytes + (_random.Below(lengthBytes / SectorBytes) * SectorBytes));
            long sector = offsetBytes / SectorBytes;
            foreach (IoSlice slice in into)
            {
                for (int at = 0; at < slice.LengthBytes; at += SectorBytes)
                    _store.Read(sector++).CopyTo(slice.Span[at..]);
                Node.Machine.Trace(SimulatedRandom.HashOf(slice.Span));
            }

            return IoStatus.Ok;
        });
        return completion.Task;
    }

    internal ValueTask<IoStatus> Write(SimulatedDiskHandle handle, long offsetBytes, IoSlice[] from)
    {
        SimulatedCompletion<IoStatus> completion = new();
        if (handle.Loop.IsDead) return completion.Task;
        Check.That(handle.Access == DiskAccess.ReadWrite);
        long lengthBytes = CheckRange(offsetBytes, from);
        if (!Node.PassBoundary(this, DiskRequestKind.Write, offsetBytes, lengthBytes)) return completion.Task;
        DiskFault fault = Receive(DiskRequestKind.Write, offsetBytes, lengthBytes);
        WrittenBytes += lengthBytes;
        List<DiskSector> sectors = Capture(offsetBytes, from);
        DiskWrite write = new(++_submitted, Misplace(sectors, fault));
        Begin(handle, completion, DiskRequestKind.Write, fault, write, () => CheckUnchanged(sectors, from));
        return completion.Task;
    }

    internal ValueTask<IoStatus> Discard(SimulatedDiskHandle handle, long offsetBytes, long lengthBytes)
    {
        SimulatedCompletion<IoStatus> completion = new();
        if (handle.Loop.IsDead) return completion.Task;
        Check.That(handle.Access == DiskAccess.ReadWrite && SupportsDiscard);
        Check.That(offsetBytes % SectorBytes == 0 && lengthBytes % SectorBytes == 0 && lengthBytes > 0);
        Check.That(offsetBytes >= 0 && lengthBytes <= SizeBytes - offsetBytes);
        if (!Node.PassBoundary(this, DiskRequestKind.Discard, offsetBytes, lengthBytes))
            return completion.Task;
        DiskFault fault = Receive(DiskRequestKind.Discard, offsetBytes, lengthBytes);
        List<DiskSector> sectors = [];
        foreach (long sector in _store.WrittenWithin(offsetBytes / SectorBytes, lengthBytes / SectorBytes))
        {
            int chance = _random.Below(4);
            if (chance == 0) continue;
            byte[] bytes = new byte[SectorBytes];
            if (chance > 1) _random.Fill(bytes);
            sectors.Add(new DiskSector(sector, bytes));
        }

        DiskWrite write = new(++_submitted, sectors);
        Begin(handle, completion, DiskRequestKind.Discard, fault, write, () => { });
        return completion.Task;
    }

    internal ValueTask<IoStatus> Flush(SimulatedDiskHandle handle)
    {
        SimulatedCompletion<IoStatus> completion = new();
        if (handle.Loop.IsDead || !Node.PassBoundary(this, DiskRequestKind.Flush, 0, 0))
            return completion.Task;
        DiskFault fault = Receive(DiskRequestKind.Flush, 0, 0);
        long mark = _completed;
        ulong lottery = _random.Next();
        Complete(handle, completion, DiskRequestKind.Flush, fault, () =>
        {
            if (fault == DiskFault.Error) return IoStatus.DeviceError;
            if (fault != DiskFault.Ignored) _store.Flush(mark, lottery);
            return IoStatus.Ok;
        });
        Node.PassMidway();
        return completion.Task;
    }

    // Readers see a write from its submission on or from its completion on: the disk promises neither.
    private void Begin(
        SimulatedDiskHandle handle,
        SimulatedCompletion<IoStatus> completion,
        DiskRequestKind kind,
        DiskFault fault,
        DiskWrite write,
        Action checkUnchanged)
    {
        _underWay.Add(write);
        if (!Faults.IsDead && _random.Chance(0.3)) _store.Apply(write);
        Complete(handle, completion, kind, fault, () =>
        {
            checkUnchanged();
            _underWay.Remove(write);
            if (!write.IsApplied) _store.Apply(write);
            write.CompletedAt = ++_completed;
            return fault == DiskFault.Error ? IoStatus.DeviceError : IoStatus.Ok;
        });
        Node.PassMidway();
    }

    private void Complete(
        SimulatedDiskHandle handle,
        SimulatedCompletion<IoStatus> completion,
        DiskRequestKind kind,
        DiskFault fault,
        Func<IoStatus> finish)
    {
        handle.UnderWay++;
        long delay = LatencyOf(kind) * Faults.SlowFactor;
        if (fault == DiskFault.Stall)
        {
            if (Faults.StallNanoseconds == long.MaxValue) return;
            delay += Faults.StallNanoseconds;
        }

        Node.Machine.At(delay, handle.Loop, kind.ToString(), Finish);

        void Finish()
        {
            if (_hangs(kind))
            {
                _held.Add(() => Node.Machine.At(LatencyOf(kind), handle.Loop, "late " + kind, Finish));
                return;
            }

            IoStatus status = Faults.IsDead ? IoStatus.DeviceGone : finish();
            handle.UnderWay--;
            completion.Complete(status);
            handle.OnIdle();
        }
    }

    private DiskFault Receive(DiskRequestKind kind, long offsetBytes, long lengthBytes)
    {
        DiskRequest request = new(kind, offsetBytes, lengthBytes, _requests[(int)kind]++);
        Node.Machine.Trace((ulong)kind);
        Node.Machine.Trace((ulong)offsetBytes);
        Node.Machine.Trace((ulong)lengthBytes);
        return Faults.Decide(request, _random);
    }

    private long LatencyOf(DiskRequestKind kind)
    {
        (long low, long high) = kind switch
        {
            DiskRequestKind.Read => (40_000L, 160_000L),
            DiskRequestKind.Flush => (50_000L, 900_000L),
            _ => (10_000L, 120_000L),
        };
        return Node.Machine.Latency(low, _random.Chance(0.02) ? high * 20 : high);
    }

    private List<DiskSector> Capture(long offsetBytes, IoSlice[] from)
    {
        List<DiskSector> sectors = [];
        long sector = offsetBytes / SectorBytes;
        foreach (IoSlice slice in from)
        {
            Node.Machine.Trace(SimulatedRandom.HashOf(slice.Span));
            for (int at = 0; at < slice.LengthBytes; at += SectorBytes)
                sectors.Add(new DiskSector(sector++, slice.Span.Slice(at, SectorBytes).ToArray()));
        }

        return sectors;
    }

    // What of the sectors reaches the medium, and where.
    private List<DiskSector> Misplace(List<DiskSector> sectors, DiskFault fault)
    {
        switch (fault)
        {
            case DiskFault.Lost:
                return [];
            case DiskFault.Error:
                return sectors.FindAll(_ => _random.Coin());
            case DiskFault.Misdirected:
                long last = (SizeBytes / SectorBytes) - sectors.Count;
                long wrong = _random.Between(0L, last);
                IReadOnlyList<long> written = WrittenOffsets();
                if (written.Count > 0 && _random.Coin())
                    wrong = Math.Min(last, written[_random.Below(written.Count)] / SectorBytes);
                if (wrong == sectors[0].Sector) wrong = wrong == last ? wrong - 1 : wrong + 1;
                long shift = wrong - sectors[0].Sector;
                return sectors.ConvertAll(s => s with { Sector = s.Sector + shift });
            default:
                return sectors;
        }
    }

    private static void CheckUnchanged(List<DiskSector> sectors, IoSlice[] from)
    {
        int index = 0;
        foreach (IoSlice slice in from)
        {
            for (int at = 0; at < slice.LengthBytes; at += SectorBytes)
            {
                byte[] submitted = sectors[index++].Bytes;
                bool isMemoryOfTheWriteUnchanged = slice.Span.Slice(at, SectorBytes).SequenceEqual(submitted);
                Check.That(isMemoryOfTheWriteUnchanged);
            }
        }
    }

    private List<DiskWrite> UnappliedWrites() => _underWay.FindAll(write => !write.IsApplied);

    private static List<DiskWrite> Shuffled(List<DiskWrite> writes, SimulatedRandom random)
    {
        for (int i = writes.Count - 1; i > 0; i--)
        {
            int j = random.Below(i + 1);
            (writes[i], writes[j]) = (writes[j], writes[i]);
        }

        return writes;
    }

    private long CheckRange(long offsetBytes, IoSlice[] slices)
    {
        Check.That(slices.Length is > 0 and <= 1024);
        long lengthBytes = 0;
        foreach (IoSlice slice in slices)
        {
            Check.That(slice.LengthBytes > 0 && slice.LengthBytes % SectorBytes == 0);
            Check.That(slice.Address % SectorBytes == 0);
            lengthBytes += slice.LengthBytes;
        }

        Check.That(offsetBytes >= 0 && offsetBytes % SectorBytes == 0);
        Check.That(offsetBytes <= SizeBytes && lengthBytes <= SizeBytes - offsetBytes);
        return lengthBytes;
    }

    private long SectorAt(long offsetBytes)
    {
        Check.That(offsetBytes >= 0 && offsetBytes % SectorBytes == 0 && offsetBytes < SizeBytes);
        return offsetBytes / SectorBytes;
    }
}
