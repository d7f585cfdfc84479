using System.Runtime.ExceptionServices;
using Cstor.PoolLayout;
using Cstor.Target;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cstor.Tests.Target.Fuzz;

/// <summary>
/// A server, an initiator that sends what the generators make, and a careful one beside it that must be
/// served all the while. A seed gives the same run again. At the end everything must have been given back.
/// </summary>
internal sealed class FuzzWorld : SynchronizationContext
{
    public const string MovedIqn = "iqn.2026-11.io.cstor:tank.moved";

    private readonly Random _random;
    private readonly FuzzLoop _loop;
    private readonly FuzzCoverage _coverage;
    private readonly FuzzPlant _plant;
    private readonly PduGenerator _generator;
    private readonly TargetServer _server;
    private readonly FuzzPeer _good;
    private readonly FuzzPeer _bad;
    private Exception? _failure;

    private FuzzWorld(int seed, FuzzCoverage coverage, FuzzPlant plant)
    {
        _random = new Random(seed);
        _loop = new FuzzLoop((ulong)seed);
        _coverage = coverage;
        _plant = plant;
        _generator = new PduGenerator(_random);
        TargetOptions options = new()
        {
            BufferLimitBytes = _random.Next(3) == 0 ? 1024 * 1024 : 16 * 1024 * 1024,
            CommandWindow = _random.Next(2) == 0 ? 8 : 128,
            MaxOutstandingR2T = _random.Next(1, 9),
            MaxBurstLength = _random.Next(2) == 0 ? 4096 : 16384,
        };
        _server = new TargetServer(_loop, NullLogger.Instance, options);
        _good = new FuzzPeer(_loop, coverage, "iqn.test:good");
        _bad = new FuzzPeer(_loop, coverage, "iqn.test:one");
    }

    /// <summary>One server's life: inputs to its sessions, or logins.</summary>
    public static void Run(int seed, int inputs, bool logins, FuzzCoverage coverage, FuzzPlant plant)
    {
        FuzzWorld world = new(seed, coverage, plant);
        SynchronizationContext? outer = Current;
        SetSynchronizationContext(world);
        AppDomain.CurrentDomain.FirstChanceException += world.OnFirstChance;
        try
        {
            world.Live(inputs, logins);
        }
#pragma warning disable CA1031 // Whatever it is, it is a finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            world._failure ??= exception;
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= world.OnFirstChance;
            SetSynchronizationContext(outer);
            world._loop.Buffers.Dispose();
        }

        if (world._failure is { } failure)
            throw new FuzzFinding($"seed {seed}: {failure.Message}\n{world._bad.LastSent()}", failure);
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        try
        {
            d(state);
        }
#pragma warning disable CA1031 // Whatever it is, it is a finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure ??= exception;
        }
    }

    private void Live(int inputs, bool logins)
    {
        bool asksForProof = logins && _random.Next(2) == 0;
        ChapSettings? chap = asksForProof ? new ChapSettings("alice", "secret of alice") : null;
        FuzzVolume volume = new(_loop, _random, _plant);
        TargetDefinition definition = new(
            TargetFixture.Iqn, volume, chap, logins && chap is null ? ["iqn.test:one"] : null);
        _server.AddTarget(definition);
        _server.AddTarget(definition with { Iqn = MovedIqn, Redirection = new Redirection("10.0.0.9:3260") });
        _server.Listen(_loop.LocalEndPoint);
        long end = _coverage.Inputs + inputs;
        if (logins) LogIn(end);
        else Serve(end);
        if (_plant == FuzzPlant.Leak) _loop.Buffers.Rent(4096);
        Finish();
        if (!logins) _good.Read();
    }

    private void Serve(long end)
    {
        _good.LogIn(digests: false);
        _bad.LogIn(digests: _random.Next(4) == 0);
        for (int i = 1; _coverage.Inputs < end && _failure is null; i++)
        {
            if (_bad.IsGone) _bad.LogIn(digests: _random.Next(4) == 0);
            _bad.Send(_generator.Next(_bad));
            if (_random.Next(4) == 0 || _bad.IsGone) _loop.Settle();
            _bad.Read();
            if (i % 64 == 0) CheckService();
            if (i % 512 == 0) EndAbruptly();
        }
    }

    /// <summary>Both are alive, whatever one of them sent.</summary>
    private void CheckService()
    {
        _loop.Advance(20_000_000);
        if (!_bad.IsGone) _bad.Read();
        if (!_bad.IsGone) _bad.Probe();
        if (_good.IsGone) _good.LogIn(digests: false);
        _good.Probe();
        if (!_good.IsGone) _good.Command(Cdb.Ten(0x28, (uint)_random.Next(4) * 8, 8), 4096);
    }

    /// <summary>In the middle of a PDU, or of silence, which the target must notice.</summary>
    private void EndAbruptly()
    {
        if (_bad.IsGone) return;
        byte[] bytes = _generator.Next(_bad);
        _bad.Connection.Feed(bytes.AsSpan(0, _random.Next(bytes.Length)));
        if (_random.Next(2) == 0) _bad.Connection.Close();
        else _loop.Advance(60_000_000_000);
        if (!_bad.IsGone) throw new FuzzFinding("a silent peer was kept");
        _loop.Settle();
    }

    private void LogIn(long end)
    {
        while (_coverage.Inputs < end && _failure is null)
        {
            _bad.Connect();
            int steps = _random.Next(1, 6);
            for (int step = 0; step < steps && !_bad.IsGone && !_bad.IsLoggedIn; step++)
            {
                _bad.Send(_generator.Login(step));
                _loop.Advance(_random.Next(8) == 0 ? 12_000_000_000 : 20_000_000); // guessers wait
                _bad.Read();
            }

            if (_random.Next(2) == 0) _bad.Connection.Close();
            else _loop.Advance(40_000_000_000);
            if (!_bad.IsGone && _server.List()[0].Sessions.Count == 0 && _server.DiscoveryCount == 0)
                throw new FuzzFinding("a login that never ends was kept");
            _bad.Connection.Close();
            _loop.Advance(1_000_000);
        }
    }

    private void Finish()
    {
        ValueTask closing = _server.CloseAsync();
        _loop.Advance(30_000_000_000);
        if (_failure is not null) return;
        Require(closing.IsCompletedSuccessfully, "the server does not stop");
        Require(_server.ConnectionCount == 0, "a connection is left");
        Require(_server.Tasks.RentedCount == 0, "a task was not given back");
        Require(_server.Budget.UsedBytes == 0, "the budget does not add up");
        Require(_loop.Buffers.RentedCount == 0, "a buffer was not given back");
    }

    private static void Require(bool holds, string what)
    {
        if (!holds) throw new FuzzFinding(what);
    }

    /// <summary>What a task swallowed is found all the same.</summary>
    private void OnFirstChance(object? sender, FirstChanceExceptionEventArgs e)
    {
        if (!ReferenceEquals(Current, this)) return;
        if (e.Exception is CheckFailedException or NullReferenceException or IndexOutOfRangeException
            or ArgumentException or OverflowException or InvalidCastException or InvalidOperationException)
            _failure ??= e.Exception;
    }
}
