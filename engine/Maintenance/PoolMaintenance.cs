// Changes to a pool's devices while it is in use. One at a time, and each in the same order, so that a crash
// at any point leaves a tree that is true: a device that joins is wiped and enters the tree as one that lacks
// everything, the labels say so before anything relies on it, and it counts only when it has been brought up
// to date. A device that leaves does so in the labels of the others first; only then are its own labels
// cleared. Everything is checked before the first change, so a refusal leaves the pool as it was.
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Maintenance;

/// <summary>The commands on devices, and what happens by itself when one fails or is complete.</summary>
internal sealed class PoolMaintenance
{
    /// <summary>Times that a device may hang and come back without being asked to.</summary>
    private const int MaximumReturns = 5;

    private readonly PoolCore _pool;
    private readonly AsyncGate _gate = new();
    private readonly DeviceReplacement _replacement;
    private readonly VdevAddition _addition;
    private readonly SpareKeeper _spares;
    private bool _isClosed;

    public PoolMaintenance(PoolCore pool)
    {
        _pool = pool;
        _replacement = new DeviceReplacement(pool);
        _addition = new VdevAddition(pool);
        _spares = new SpareKeeper(pool);
        pool.Devices.DeviceExcluded = OnDeviceExcluded;
        pool.Devices.Watch.Answers = OnDeviceAnswers;
    }

    /// <summary>Told when devices may have to be brought up to date.</summary>
    public Action MembershipChanged { get; set; } = static () => { };

    /// <summary>See <see cref="Pool.OfflineAsync"/>.</summary>
    public ValueTask<Outcome<Unit>> OfflineAsync(string name) => OneAtATimeAsync(async () =>
    {
        Outcome<DeviceLookup> found = DeviceLookup.Find(_pool.Devices.Tree, name);
        if (!found.IsOk) return found.Fault;
        PoolDevice device = found.Value.Device;
        if (found.Value.Vdev is not { } vdev)
            return new Fault("device-spare", $"{device.Path}: is a spare, which is not in use", "Detach it");
        if (device.State == VdevState.Offline) return Unit.Value;
        if (!vdev.StandsWithout(device)) return LastCopy(device);
        if (device.IsWritable) _pool.Devices.Exclude(device, VdevState.Offline,
            "the operator took it offline");
        else device.Exclude(VdevState.Offline, device.MissingFrom);
        Outcome<Unit> saved = await SaveAsync($"{device.Path} is offline");
        if (saved.IsOk) await device.ReleaseDiskAsync();
        return saved;
    });

    /// <summary>See <see cref="Pool.OnlineAsync"/>.</summary>
    public ValueTask<Outcome<Unit>> OnlineAsync(string name) => OneAtATimeAsync(async () =>
    {
        Outcome<DeviceLookup> found = DeviceLookup.Find(_pool.Devices.Tree, name);
        return found.IsOk ? await BringBackAsync(found.Value.Device) : found.Fault;
    });

    /// <summary>See <see cref="Pool.ClearAsync"/>.</summary>
    public ValueTask<Outcome<Unit>> ClearAsync(string? name) => OneAtATimeAsync(async () =>
    {
        List<PoolDevice> devices = [.. _pool.Devices.Tree.Devices];
        if (name is not null)
        {
            Outcome<DeviceLookup> found = DeviceLookup.Find(_pool.Devices.Tree, name);
            if (!found.IsOk) return found.Fault;
            devices = [found.Value.Device];
        }
        else
        {
            _pool.Damage.Clear();
        }

        Outcome<Unit> result = Unit.Value;
        foreach (PoolDevice device in devices)
        {
            device.ClearErrors();
            bool isOut = device.State is VdevState.Faulted or VdevState.Removed;
            if (!isOut || device.IsWritable) continue;
            Outcome<Unit> back = await BringBackAsync(device);
            // Of all devices, one that is still missing is no failure of the command.
            if (!back.IsOk && name is not null) result = back;
        }

        return result;
    });

    /// <summary>See <see cref="Pool.LookAfterDevicesAsync"/>.</summary>
    public async ValueTask LookAfterDevicesAsync()
    {
        foreach (PoolDevice device in _pool.Devices.Tree.Devices.ToArray())
        {
            if (device.IsWritable)
            {
                bool isGone = await ProbeAsync(device) == IoStatus.DeviceGone;
                if (isGone) await OneAtATimeAsync(() => PartAsync(device));
            }
            else if (IsExpected(device))
            {
                // One that is not there yet is no news.
                await OneAtATimeAsync(() => BringBackAsync(device));
            }
        }
    }

    /// <summary>See <see cref="Pool.ReplaceAsync"/>.</summary>
    public ValueTask<Outcome<Unit>> ReplaceAsync(string name, string? newPath, bool force) =>
        OneAtATimeAsync(() => _replacement.ReplaceAsync(name, newPath, force));

    /// <summary>See <see cref="Pool.AttachAsync"/>.</summary>
    public ValueTask<Outcome<Unit>> AttachAsync(string name, string newPath, bool force) =>
        OneAtATimeAsync(() => _replacement.AttachAsync(name, newPath, force));

    /// <summary>See <see cref="Pool.DetachAsync"/>.</summary>
    public ValueTask<Outcome<Unit>> DetachAsync(string name) =>
        OneAtATimeAsync(() => _replacement.DetachAsync(name));

    /// <summary>See <see cref="Pool.AddAsync"/>.</summary>
    public ValueTask<Outcome<CreationPlan>> AddAsync(
        IReadOnlyList<VdevSpec> specs, bool force, bool dryRun) =>
        OneAtATimeAsync(() => _addition.AddAsync(specs, force, dryRun));

    /// <summary>A device has been given everything: replacements end, spares return, vdevs grow.</summary>
    public async ValueTask OnRebuiltAsync() => await OneAtATimeAsync<Unit>(async () =>
    {
        await _replacement.FinishAsync();
        return Unit.Value;
    });

    /// <summary>The pool was opened: spares stand in for what is missing.</summary>
    public void Start() => OnDeviceExcluded();

    /// <summary>Waits for a command under way; later ones are refused.</summary>
    public async ValueTask CloseAsync()
    {
        _isClosed = true;
        await _gate.EnterAsync();
        _gate.Leave();
    }

    private static Fault LastCopy(PoolDevice device) => new(
        "device-last-copy",
        $"{device.Path}: nothing else in its vdev can stand in for it, data would be lost or out of reach",
        "Bring other devices of the vdev back or up to date first (see: cstor pool status)");

    private void OnDeviceExcluded() => _pool.Loop.Post(() =>
    {
        if (!_isClosed) Ignore(UseSparesAsync());
    });

    // One that hung and ended all its requests comes back by itself, a few times.
    private void OnDeviceAnswers(PoolDevice device) => _pool.Loop.Post(() =>
    {
        if (_isClosed || device.State != VdevState.Removed || device.HangCount > MaximumReturns) return;
        Ignore(ReturnAsync(device));
    });

    private async ValueTask ReturnAsync(PoolDevice device)
    {
        Outcome<Unit> back = await OnlineAsync(device.Guid.ToString());
        if (!back.IsOk)
            MaintenanceLog.Failed(_pool.Logger, _pool.Devices.PoolName,
                $"{device.Path} answers again but does not come back: {back.Fault.Message}");
    }

    private async ValueTask UseSparesAsync()
    {
        if (_pool.IsReadOnly) return;
        await OneAtATimeAsync<Unit>(async () =>
        {
            // A crash may have come between a device's completion and the end of what it replaces.
            await _replacement.FinishAsync();
            await _spares.StandInAsync();
            return Unit.Value;
        });
    }

    private async ValueTask<Outcome<Unit>> BringBackAsync(PoolDevice device)
    {
        if (device.IsWritable) return Unit.Value;
        // A disk that failed a flush, or hung, is believed again only after it was opened anew.
        await device.ReleaseDiskAsync();
        Outcome<ReturnedDisk> opened = await ReturnedDisk.OpenAsync(_pool.Loop, _pool.Devices, device);
        if (!opened.IsOk) return opened.Fault;
        device.BringBack(opened.Value.Disk);
        if (opened.Value.LacksEverything) device.LackEverything();
        return await SaveAsync($"{device.Path} is back");
    }

    private static bool IsExpected(PoolDevice device) =>
        device.State is not (VdevState.Offline or VdevState.Faulted)
        && !device.IsHung && device.HangCount <= MaximumReturns;

    private async ValueTask<IoStatus> ProbeAsync(PoolDevice device)
    {
        if (_pool.Loop.Buffers.TryRent(Layout.SectorBytes) is not { } buffer) return IoStatus.NoMemory;
        IoStatus status = await device.ReadAsync(0, buffer.First(Layout.SectorBytes));
        buffer.Release();
        return status;
    }

    // The last good copy stays: its errors say more than its absence would.
    private async ValueTask<Outcome<Unit>> PartAsync(PoolDevice device)
    {
        Outcome<DeviceLookup> found = DeviceLookup.Find(_pool.Devices.Tree, device.Guid.ToString());
        bool isNeeded = !found.IsOk || found.Value.Vdev?.StandsWithout(device) == false;
        if (isNeeded || !device.IsWritable) return Unit.Value;
        _pool.Devices.Exclude(device, VdevState.Removed, "it is gone");
        return await SaveAsync($"{device.Path} is gone");
    }

    private ValueTask<Outcome<Unit>> SaveAsync(string change) =>
        TreeChange.SaveAsync(_pool, _pool.Devices.Tree, change);

    private async ValueTask<Outcome<T>> OneAtATimeAsync<T>(Func<ValueTask<Outcome<T>>> command)
    {
        string pool = _pool.Devices.PoolName;
        if (_pool.IsReadOnly)
            return new Fault("pool-readonly", $"pool '{pool}' is imported read-only",
                "Export and import it again");
        await _gate.EnterAsync();
        Outcome<T> result;
        if (_isClosed) result = new Fault("pool-closing", $"pool '{pool}' is being closed");
        else if (_pool.Stopped != IoStatus.Ok)
            result = new Fault("pool-stopped", $"pool '{pool}' has stopped: {_pool.StopReason}",
                "Export it with -f, mend the devices and import it again");
        else result = await command();
        _gate.Leave();
        if (!_isClosed) MembershipChanged();
        return result;
    }

    private static async void Ignore(ValueTask task) => await task;
}
