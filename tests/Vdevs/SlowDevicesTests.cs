using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class SlowDevicesTests
{
    private const long Millisecond = 1_000_000;

    [Fact]
    public void A_mean_follows_its_samples_and_a_peak_stays_for_a_thousand()
    {
        DeviceLatency latency = new();
        latency.Add(30 * Millisecond);
        Assert.Equal(30e6, latency.MeanNanoseconds);
        for (int i = 0; i < 200; i++) latency.Add(Millisecond);
        Assert.InRange(latency.MeanNanoseconds, 1e6, 1.3e6);
        Assert.InRange(latency.PeakNanoseconds, 20e6, 30e6);
        for (int i = 0; i < 4000; i++) latency.Add(Millisecond);
        Assert.InRange(latency.PeakNanoseconds, 1e6, 1.1e6);
        for (int i = 0; i < 64; i++) latency.Add(100 * Millisecond);
        Assert.InRange(latency.MeanNanoseconds, 60e6, 70e6);
    }

    [Fact]
    public void A_device_is_slow_beyond_four_times_its_siblings_and_twenty_milliseconds()
    {
        PoolDevice[] devices = Devices(2, 2, 210);
        Assert.Equal("slow: reads take 210 ms, its siblings' 2.0 ms", SlowDevices.Judge(devices[2], devices));
        Assert.Equal("", SlowDevices.Judge(devices[0], devices));
        devices = Devices(60, 60, 210);
        Assert.Equal("", SlowDevices.Judge(devices[2], devices));
        devices = Devices(1, 1, 19);
        Assert.Equal("", SlowDevices.Judge(devices[2], devices));
        devices = Devices(1, 21);
        Assert.StartsWith("slow: reads", SlowDevices.Judge(devices[1], devices), StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_is_slow_beside_unmeasured_siblings_or_alone()
    {
        PoolDevice[] devices = Devices(2, 210);
        Assert.Equal("", SlowDevices.Judge(devices[1], [devices[1]]));
        PoolDevice fresh = New(2);
        for (int i = 0; i < 63; i++) fresh.ReadLatency.Add(Millisecond);
        Assert.Equal("", SlowDevices.Judge(devices[1], [devices[1], fresh]));
        fresh.ReadLatency.Add(Millisecond);
        Assert.NotEqual("", SlowDevices.Judge(devices[1], [devices[1], fresh]));
    }

    [Fact]
    public void Slow_writes_are_named_too()
    {
        PoolDevice[] devices = Devices(2, 2);
        for (int i = 0; i < 64; i++)
        {
            devices[0].WriteLatency.Add(Millisecond / 2);
            devices[1].WriteLatency.Add(80 * Millisecond);
        }

        Assert.Equal("slow: writes take 80 ms, its siblings' 0.5 ms", SlowDevices.Judge(devices[1], devices));
    }

    [Fact]
    public void A_slow_device_is_cleared_only_when_it_is_clearly_better()
    {
        Assert.True(SlowDevices.IsSlow(25e6, 5e6, wasSlow: false));
        Assert.False(SlowDevices.IsSlow(18e6, 5e6, wasSlow: false));
        Assert.True(SlowDevices.IsSlow(18e6, 5e6, wasSlow: true));
        Assert.False(SlowDevices.IsSlow(9.9e6, 1e6, wasSlow: true));
        Assert.False(SlowDevices.IsSlow(18e6, 10e6, wasSlow: true));
    }

    [Fact]
    public void A_slow_device_is_avoided_but_for_one_read_in_256_and_some_fifty_good_ones_clear_it()
    {
        PoolDevice[] devices = Devices(2, 210);
        devices[1].SlowText = SlowDevices.Judge(devices[1], devices);
        devices[1].Probes.Grant(1000, isNew: true);
        Assert.True(devices[1].IsAvoided);
        devices[1].Probes.Grant(1255, isNew: false);
        Assert.True(devices[1].IsAvoided);
        devices[1].Probes.Grant(1256, isNew: false);
        Assert.False(devices[1].IsAvoided);
        int probes = 0;
        for (; devices[1].IsSlow && probes < 1000; probes++)
        {
            devices[1].ReadLatency.Add(2 * Millisecond, devices[1].IsSlow);
            devices[1].SlowText = SlowDevices.Judge(devices[1], devices);
        }

        Assert.InRange(probes, 20, 64);
    }

    private static PoolDevice[] Devices(params int[] readMilliseconds)
    {
        PoolDevice[] devices = [.. readMilliseconds.Select((_, id) => New(id))];
        for (int i = 0; i < devices.Length; i++)
            for (int sample = 0; sample < DeviceLatency.MeanSamples; sample++)
                devices[i].ReadLatency.Add(readMilliseconds[i] * Millisecond);
        return devices;
    }

    private static PoolDevice New(int id) => new(
        new VdevConfig
        {
            Kind = VdevKind.Disk,
            Guid = new Guid(id + 1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
            Id = id,
            SizeSectors = 16128,
            Path = $"/dev/sd{id}",
        },
        null);
}
