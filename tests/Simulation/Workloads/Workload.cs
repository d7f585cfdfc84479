namespace Cstor.Tests.Simulation.Workloads;

/// <summary>Random requests to several volumes by several initiators at once.</summary>
internal static class Workload
{
    /// <summary>Runs a number of requests, up to the mix's concurrency at a time.</summary>
    public static async ValueTask RunAsync(
        SimulatedLoop loop,
        IReadOnlyList<VolumeDriver> volumes,
        SimulatedRandom random,
        WorkloadMix mix,
        int requests)
    {
        int left = requests;
        List<Task> initiators = [];
        for (int i = 0; i < mix.Concurrency; i++) initiators.Add(InitiateAsync());
        await Task.WhenAll(initiators);

        async Task InitiateAsync()
        {
            try
            {
                while (left-- > 0)
                {
                    await volumes[random.Below(volumes.Count)].StepAsync(mix);
                    if (random.Below(8) == 0) await loop.DelayAsync(random.Between(0L, 400_000L));
                }
            }
            catch (Exception exception)
            {
                loop.Machine.ReportFailure(exception);
                throw;
            }
        }
    }
}
