using System.Buffers.Binary;
using System.Globalization;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Target.Replication;
using Cstor.Tests.Simulation.Oracle;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>
/// Somebody with a path to every node, as an initiator with multipath: takes the path that leads, and another
/// one when that refuses, dies or is silent for long. Registers are whole blocks and parts of blocks.
/// </summary>
internal sealed class ClusterClient
{
    /// <summary>Registers of a whole block each.</summary>
    public const int Blocks = 10;

    /// <summary>Registers of 512 bytes each, in the blocks behind.</summary>
    public const int Sectors = 10;

    // What is reserved is a line of text that is read and replaced as a whole.
    private const int ReservationsRegister = Blocks + Sectors;

    // Each costs a node that catches up a comparison.
    private const int MostSnapshots = 4;

    // Nor is the size; each value stands for one, which no other has.
    private const int SizeRegister = ReservationsRegister + 1;
    private const int FewestBlocks = 512;
    private const int Sizes = 20_011;

    // Conditional writes go to few, so that they meet.
    private const int Contended = 4;
    private const int SectorBytes = 512;
    private const long Millisecond = 1_000_000;

    private readonly Cluster _cluster;
    private readonly List<ClusterOperation> _history;
    private readonly SimulatedLoop _loop;
    private readonly SimulatedRandom _random;
    private int _path;
    private int _snapshots;

    public ClusterClient(Cluster cluster, string name, List<ClusterOperation> history)
    {
        _cluster = cluster;
        _history = history;
        Name = name;
        _loop = cluster.Machine.AddNode(name).CreateLoop();
        _random = SimulatedRandom.For(cluster.Machine.Seed, name);
    }

    public string Name { get; }

    public bool IsStopped { get; set; }

    public bool HasEnded { get; private set; }

    public void Start() => _loop.Post(() => _ = _cluster.ObserveAsync(RunAsync()));

    /// <summary>Reads every register once, and ends.</summary>
    public void StartReadingAll() => _loop.Post(() => _ = _cluster.ObserveAsync(ReadAllAsync()));

    private async ValueTask RunAsync()
    {
        while (!IsStopped)
        {
            int register = _random.Below(Blocks + Sectors);
            int kind = _random.Below(26);
            if (kind < 7) await ReadAsync(register);
            else if (kind < 14) await WriteAsync(register, isDurable: kind == 13);
            else if (kind < 18) await CompareAndWriteAsync(register % Contended);
            else if (kind == 18) await UntilDoneAsync(static volume => volume.FlushAsync());
            else if (kind == 19) await ReserveAsync();
            else if (kind == 20) await ResizeAsync();
            else if (kind == 21) await ReadSizeAsync();
            else if (kind == 22) await WriteTailAsync();
            else if (kind == 23) await SnapshotAsync();
            else if (kind == 24) await SetPropertyAsync();
            else await UnmapAsync();
            await _loop.DelayAsync(_random.Between(0L, 8 * Millisecond));
        }

        HasEnded = true;
    }

    private async ValueTask ReadAllAsync()
    {
        for (int register = 0; register < Blocks + Sectors; register++) await ReadAsync(register);
        await ReadReservationsAsync();
        await ReadSizeAsync();
        HasEnded = true;
    }

    // Every attempt has a value of its own: one that was given up may still take effect, once, or never.
    private async ValueTask WriteAsync(int register, bool isDurable)
    {
        ClusterOperation operation = null!;
        (long offset, int length) = PlaceOf(register);
        await UntilDoneAsync(async volume =>
        {
            ClusterOperation mine = operation = new()
            {
                Register = register,
                IsWrite = true,
                Value = (ulong)_history.Count + 1,
                InvokedNanoseconds = _cluster.Machine.NowNanoseconds,
            };
            _history.Add(mine);
            IoBuffer buffer = LoopHere.Buffers.Rent(length);
            for (int i = 0; i < length; i += 8)
                BinaryPrimitives.WriteUInt64LittleEndian(buffer.Span[i..], mine.Value);
            IoStatus status = await volume.WriteAsync(offset, buffer.First(length), isDurable);
            buffer.Release();
            return status;
        });
        operation.AnsweredNanoseconds = _cluster.Machine.NowNanoseconds;
    }

    private async ValueTask ResizeAsync()
    {
        ClusterOperation operation = null!;
        await UntilDoneAsync(async volume =>
        {
            ClusterOperation mine = operation = new()
            {
                Register = SizeRegister,
                IsWrite = true,
                Value = (ulong)_history.Count + 1,
                InvokedNanoseconds = _cluster.Machine.NowNanoseconds,
            };
            _history.Add(mine);
            return await volume.ResizeAsync(SizeOf(mine.Value));
        });
        operation.AnsweredNanoseconds = _cluster.Machine.NowNanoseconds;
    }

    // Where the volume is led: elsewhere it may be a heartbeat old.
    private async ValueTask ReadSizeAsync()
    {
        ClusterOperation operation = new()
        {
            Register = SizeRegister,
            InvokedNanoseconds = _cluster.Machine.NowNanoseconds,
        };
        long size = 0;
        await UntilDoneAsync(async volume =>
        {
            if (_cluster.Nodes[_path].Member is not { IsServing: true }) return IoStatus.NotLeader;
            size = volume.SizeBytes;
            IoBuffer buffer = LoopHere.Buffers.Rent(SectorBytes);
            IoStatus status = await volume.ReadAsync(0, buffer.First(SectorBytes));
            buffer.Release();
            return status;
        });
        bool isFirst = size == _cluster.VolumeBytes;
        operation.Value = isFirst ? 0 : _history.Single(
            write => write is { Register: SizeRegister, IsWrite: true } && SizeOf(write.Value) == size).Value;
        operation.AnsweredNanoseconds = _cluster.Machine.NowNanoseconds;
        _history.Add(operation);
    }

    // None is the first one's.
    private long SizeOf(ulong value)
    {
        if (value >= Sizes) throw new SimulationException("more values than sizes");
        long blocks = FewestBlocks + (long)(value * 1009 % Sizes);
        return (blocks * Cluster.BlockBytes) + (blocks * Cluster.BlockBytes >= _cluster.VolumeBytes
            ? Cluster.BlockBytes : 0);
    }

    private ValueTask SetPropertyAsync()
    {
        string value = _random.Chance(0.2) ? "" : $"{_random.Below(1000)}";
        return UntilDoneAsync(volume => volume.SetPropertiesAsync([new("share", value)]));
    }

    // Every attempt has a name of its own, as it may be taken nevertheless.
    private async ValueTask SnapshotAsync()
    {
        if (_snapshots++ >= MostSnapshots) return;
        int attempt = 0;
        await UntilDoneAsync(volume => volume.SnapshotAsync($"{Name}-{_snapshots}-{++attempt}"));
    }

    // No register is there, and perhaps no volume any more.
    private ValueTask WriteTailAsync()
    {
        long block = _random.Between(FewestBlocks / 2, FewestBlocks + Sizes);
        return UntilDoneAsync(async volume =>
        {
            IoBuffer buffer = LoopHere.Buffers.Rent(2 * Cluster.BlockBytes);
            buffer.Span[..(2 * Cluster.BlockBytes)].Fill((byte)(block % 251));
            IoStatus status = await volume.WriteAsync(
                (block * Cluster.BlockBytes) + SectorBytes, buffer.First(Cluster.BlockBytes), durable: false);
            buffer.Release();
            return status == IoStatus.OutOfRange ? IoStatus.Ok : status;
        });
    }

    // The node says how it ended, even to a client that has given up.
    private ValueTask ReplaceAsync(
        int register, ulong expected, Func<ReplicatedVolume, ulong, ValueTask<CompareResult>> replace) =>
        UntilDoneAsync(async volume =>
        {
            ClusterOperation mine = new()
            {
                Register = register,
                IsWrite = true,
                Expected = expected,
                Value = (ulong)_history.Count + 1,
                InvokedNanoseconds = _cluster.Machine.NowNanoseconds,
            };
            _history.Add(mine);
            CompareResult result = await replace(volume, mine.Value);
            mine.IsRefused = result.Status == IoStatus.NotLeader;
            mine.IsMismatch = result is { Status: IoStatus.Ok, Difference: >= 0 };
            if (result.Status == IoStatus.Ok) mine.AnsweredNanoseconds = _cluster.Machine.NowNanoseconds;
            return result.Status;
        });

    private async ValueTask CompareAndWriteAsync(int register)
    {
        ulong expected = await ReadAsync(register);
        (long offset, int length) = PlaceOf(register);
        await ReplaceAsync(register, expected, async (volume, value) =>
        {
            IoBuffer buffer = LoopHere.Buffers.Rent(2 * length);
            for (int i = 0; i < 2 * length; i += 8)
                BinaryPrimitives.WriteUInt64LittleEndian(
                    buffer.Span[i..], i < length ? expected : value);
            CompareResult result = await volume.CompareAndWriteAsync(offset, buffer.First(2 * length));
            buffer.Release();
            return result;
        });
    }

    private async ValueTask ReserveAsync()
    {
        ulong expected = await ReadReservationsAsync();
        await ReplaceAsync(ReservationsRegister, expected, (volume, value) =>
            volume.SharedReservations!.ChangeAsync(TextOf(expected), TextOf(value), ""));
    }

    private async ValueTask<ulong> ReadReservationsAsync()
    {
        ClusterOperation operation = new()
        {
            Register = ReservationsRegister,
            InvokedNanoseconds = _cluster.Machine.NowNanoseconds,
        };
        string text = "";
        await UntilDoneAsync(async volume =>
        {
            IoStatus status = await volume.SharedReservations!.ConfirmAsync();
            if (status == IoStatus.Ok) text = volume.SharedReservations.Text;
            return status;
        });
        operation.Value = text.Length == 0 ? 0 : ulong.Parse(text, CultureInfo.InvariantCulture);
        operation.AnsweredNanoseconds = _cluster.Machine.NowNanoseconds;
        _history.Add(operation);
        return operation.Value;
    }

    private static string TextOf(ulong value) =>
        value == 0 ? "" : value.ToString(CultureInfo.InvariantCulture);

    private async ValueTask<ulong> ReadAsync(int register)
    {
        ClusterOperation operation = new()
        {
            Register = register,
            InvokedNanoseconds = _cluster.Machine.NowNanoseconds,
        };
        (long offset, int length) = PlaceOf(register);
        byte[] read = [];
        await UntilDoneAsync(async volume =>
        {
            IoBuffer buffer = LoopHere.Buffers.Rent(length);
            IoStatus status = await volume.ReadAsync(offset, buffer.First(length));
            byte[] bytes = buffer.Span[..length].ToArray();
            buffer.Release();
            if (status == IoStatus.Ok) read = bytes;
            return status;
        });
        operation.Value = BinaryPrimitives.ReadUInt64LittleEndian(read);
        for (int i = 0; i < length; i += 8)
            if (BinaryPrimitives.ReadUInt64LittleEndian(read.AsSpan(i)) != operation.Value)
                throw new OracleException($"register {register} is a mixture of two writes");
        operation.AnsweredNanoseconds = _cluster.Machine.NowNanoseconds;
        _history.Add(operation);
        return operation.Value;
    }

    // Where no register is.
    private ValueTask UnmapAsync()
    {
        long offset = (Blocks + Sectors + _random.Below(64)) * (long)Cluster.BlockBytes;
        return UntilDoneAsync(volume => volume.UnmapAsync(offset, _random.Between(1, 8) * SectorBytes));
    }

    private async ValueTask UntilDoneAsync(Func<ReplicatedVolume, ValueTask<IoStatus>> request)
    {
        if (_random.Chance(0.1)) _path = _random.Below(_cluster.Nodes.Count);
        while (true)
        {
            ClusterNode node = _cluster.Nodes[_path];
            IoStatus status = IoStatus.NotLeader;
            if (node is { IsUp: true, Volume: { } volume })
                status = await AttemptAsync(node.Loop!, () => request(volume));
            if (status == IoStatus.Ok) return;
            if (status is not (IoStatus.NotLeader or IoStatus.Aborted or IoStatus.Closed
                or IoStatus.NoMemory))
                throw new OracleException($"an I/O error reached the client: {status}");
            _path = (_path + 1) % _cluster.Nodes.Count;
            await _loop.DelayAsync(_random.Between(1 * Millisecond, 20 * Millisecond));
        }
    }

    private async ValueTask<IoStatus> AttemptAsync(SimulatedLoop loop, Func<ValueTask<IoStatus>> request)
    {
        Task<IoStatus> answer = _cluster.OnAsync(loop, request, _loop);
        Task patience = _loop.DelayAsync(_random.Between(800 * Millisecond, 4000 * Millisecond)).AsTask();
        await Task.WhenAny(answer, patience);
        return answer.IsCompleted ? await answer : IoStatus.Aborted;
    }

    private SimulatedLoop LoopHere => _cluster.Machine.CurrentLoop!;

    private static (long Offset, int Length) PlaceOf(int register) => register < Blocks
        ? (register * (long)Cluster.BlockBytes, Cluster.BlockBytes)
        : ((Blocks * (long)Cluster.BlockBytes) + ((register - Blocks) * 3L * SectorBytes), SectorBytes);
}
