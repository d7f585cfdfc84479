// The whole node under trial: initiators on another machine, the network between, target, engine and disks.
// The server loses power, is killed, or is stopped; connections are reset and links cut, one way or both.
// What an initiator was told is durable must be there; a request that a broken connection left open was done
// or not, and does not take effect once a later one was answered.
using System.Diagnostics.CodeAnalysis;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Tests.Simulation.Oracle;
using Cstor.Tests.Simulation.Pools;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Initiators;

[Trait("Category", "Simulation")]
public sealed class ServedPoolTests
{
    private const int SeedsByDefault = 60;
    private const int KiB = 1024;
    private const long Millisecond = 1_000_000;

    [Fact]
    public void Initiators_find_what_they_were_told_is_durable()
    {
        List<string> failures = [];
        foreach (ulong seed in SeedRange.Of(SeedsByDefault))
        {
            if (Record.Exception(() => new History(seed).Live()) is not { } failure) continue;
            failures.Add($"CSTOR_SEED={seed}: {failure.Message}");
            if (failures.Count == 5) break;
        }

        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    [SuppressMessage("Design", "CA1001", Justification = "Live disposes of the world that it makes.")]
    private sealed class History(ulong seed)
    {
        private readonly SimulatedRandom _random = SimulatedRandom.For(seed, "served");
        private readonly List<SimulatedInitiator> _initiators = [];
        private PoolWorld _world = null!;
        private ServedPool _served = null!;
        private SimulatedLoop _client = null!;
        private bool _isWorking;

        public void Live()
        {
            PoolShape shape = PoolShape.All[_random.Below(PoolShape.All.Count)];
            using PoolWorld world = _world = new PoolWorld(seed, shape);
            world.Options = world.Options with { PendingLimit = 200, LogLimitBytes = 512 * KiB };
            _served = new ServedPool(world);
            _client = world.Machine.AddNode("client").CreateLoop();
            _served.Start(PrepareAsync);
            try
            {
                _client.Run(LiveAsync);
            }
            catch (SimulationException failure)
            {
                throw new SimulationException($"{failure.Message}\n--- log\n{world.Log}", failure);
            }
        }

        private async ValueTask PrepareAsync(PoolSession session)
        {
            if (session.Pool.Volumes.Count > 0) return;
            await session.CreateVolumeAsync("a", 1024 * KiB, 4 * KiB, "off");
            await session.CreateVolumeAsync("b", 1024 * KiB, 16 * KiB, "lz4");
        }

        private async ValueTask LiveAsync()
        {
            bool isAfterCrash = false;
            int episodes = _random.Between(2, 5);
            for (int episode = 0; episode <= episodes; episode++)
            {
                while (!_served.IsServing) await _client.DelayAsync(10 * Millisecond);
                _world.Log.Note($"episode {episode}: connecting");
                List<VolumeDriver> drivers = await ConnectAsync();
                _world.Log.Note($"episode {episode}: connected");
                if (isAfterCrash) await SettleAsync(drivers);
                int incarnation = _world.Node.Incarnation;
                bool isLast = episode == episodes;
                if (!isLast) PlanDisturbance();
                await WorkAsync(drivers, incarnation);
                isAfterCrash = _world.Node.Incarnation != incarnation;
                if (isAfterCrash)
                {
                    _world.Model.Crash();
                    _served.Start(PrepareAsync);
                }
                else if (isLast)
                {
                    drivers = await ConnectAsync();
                    foreach (VolumeDriver driver in drivers) await driver.VerifyAsync(isAfterCrash: false);
                }
            }

            _served.Stop();
            while (_served.IsServing) await _client.DelayAsync(10 * Millisecond);
        }

        private async ValueTask<List<VolumeDriver>> ConnectAsync()
        {
            _initiators.Clear();
            List<VolumeDriver> drivers = [];
            foreach (Volume volume in _served.Volumes)
            {
                SimulatedInitiator? initiator = null;
                string iqn = ServedPool.IqnOf(volume);
                while (initiator is null)
                {
                    InitiatorKeys keys = InitiatorKeys.Draw(_random);
                    initiator = await SimulatedInitiator.ConnectAsync(
                        _client, _served.Portal, iqn, keys, volume);
                    if (initiator is null) await _client.DelayAsync(500 * Millisecond);
                }

                _initiators.Add(initiator);
                BlockOracle oracle = _world.Model.Find(volume.ShortName).Oracle;
                drivers.Add(new VolumeDriver(_client, initiator, oracle, _random));
            }

            return drivers;
        }

        private async ValueTask SettleAsync(List<VolumeDriver> drivers)
        {
            foreach (VolumeDriver driver in drivers) await driver.VerifyAsync(isAfterCrash: true);
            _world.Model.EndOfCrash(mustBePrefix: true);
        }

        private async ValueTask WorkAsync(List<VolumeDriver> drivers, int incarnation)
        {
            WorkloadMix mix = new()
            {
                Concurrency = _random.Between(1, 24),
                MaximumBytes = _random.Coin() ? 16 * KiB : 256 * KiB,
                AllowedFailures = [IoStatus.Aborted],
            };
            _isWorking = true;
            Task watch = WatchAsync(incarnation);
            await Workload.RunAsync(_client, drivers, _random, mix, _random.Between(50, 250));
            _isWorking = false;
            _world.Log.Note("requests have ended");
            await watch;
            foreach (SimulatedInitiator initiator in _initiators) if (_random.Chance(0.7)) initiator.Close();
            _world.Node.CancelCrash();
            _world.Machine.Links.HealAll();
        }

        private async Task WatchAsync(int incarnation)
        {
            for (int turn = 1; _isWorking; turn++)
            {
                await _client.DelayAsync(50 * Millisecond);
                if (turn % 100 == 0) _initiators.ForEach(initiator => initiator.Ping());
                if (_world.Node.Incarnation == incarnation) continue;
                foreach (SimulatedInitiator initiator in _initiators) initiator.Close();
            }
        }

        private void PlanDisturbance()
        {
            SimulatedNode server = _world.Node;
            SimulatedLinks links = _world.Machine.Links;
            long when = _random.Between(0L, 60L) * Millisecond;
            CrashMode mode = (CrashMode)_random.Below(6);
            int incarnation = server.Incarnation;
            int choice = _random.Below(8);
            Action? disturbance = choice switch
            {
                0 => null,
                1 => () => server.Crash(mode),
                2 => server.Kill,
                3 => () => links.Cut(server, _client.Node),
                4 => () => links.Cut(_client.Node, server),
                5 => () => links.CutBoth(_client.Node, server),
                6 => () => links.ResetConnections(_client.Node, server),
                _ => () =>
                {
                    long boundary = server.WriteBoundaryCount + _random.Below(60);
                    server.CrashAtWrite(boundary, _random.Coin(), mode);
                },
            };
            if (disturbance is null) return;
            _world.Machine.At(when, null, "disturbance", () =>
            {
                if (!_isWorking || !server.IsUp || server.Incarnation != incarnation) return;
                _world.Log.Note($"disturbance {choice} at {_world.Machine.NowNanoseconds}");
                disturbance();
            });
            long healed = when + (_random.Between(1L, 30L) * 1000 * Millisecond);
            _world.Machine.At(healed, null, "healed", links.HealAll);
        }
    }
}
