using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>
/// Waits until all that was destroyed in a pool has given its space back. Progress counts from the first
/// look: what is destroyed meanwhile is waited for too.
/// </summary>
/// <param name="context">Where progress is shown.</param>
/// <param name="look">Asks for the pool's status.</param>
internal sealed class FreeWaiter(
    CliContext context, Func<string, CancellationToken, Task<Outcome<PoolStatus>>> look)
{
    public const string Kind = "free";

    /// <returns>Was there anything to wait for?</returns>
    public async Task<Outcome<bool>> WaitAsync(string pool, CancellationToken cancel)
    {
        ScanProgress progress = new(context.Out, context.IsTerminal);
        long most = 0;
        bool waited = false;
        while (true)
        {
            Outcome<PoolStatus> status = await look(pool, cancel);
            bool isOver = !status.IsOk || status.Value.Data.Destroying.Count == 0;
            if (isOver || status.Value.Health is "stopped" or "readonly")
            {
                progress.End();
                if (!status.IsOk) return status.Fault;
                if (!isOver || status.Value.Health == "unavailable") return Halted(status.Value);
                if (waited) context.Out.WriteLine($"{pool}: all that was destroyed came back");
                return waited;
            }
            waited = true;
            long left = status.Value.Data.FreeingBytes;
            most = Math.Max(most, left);
            double percent = most == 0 ? 0 : (double)(most - left) / most * 100;
            progress.Show(pool, Kind, percent, ByteSize.Format(left) + " left");
            await Task.Delay(context.PollInterval, cancel);
        }
    }

    private static Fault Halted(PoolStatus pool) => new(
        "pool-" + pool.Health,
        $"pool {pool.Name} is {pool.Health}: nothing is freed",
        "See: cstor pool status " + pool.Name);
}
