using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;

namespace Cstor.Daemon.Service;

/// <summary>
/// How administration reaches the objects of a loop. What an operator can cause is a value there, so an
/// exception is a bug in what owns the pools: the process ends rather than limp on.
/// </summary>
internal static class LoopCalls
{
    /// <summary>Runs a function on the loop; its faults are values.</summary>
    public static Task<Outcome<T>> CallAsync<T>(this LinuxLoop loop, Func<ValueTask<Outcome<T>>> function) =>
        loop.InvokeAsync(async () =>
        {
            try
            {
                return await function();
            }
            catch (Exception exception)
            {
                Environment.FailFast($"administration on the loop: {exception.Message}", exception);
                throw;
            }
        });

    /// <summary>Runs a function that does not wait.</summary>
    public static Task<T> ReadAsync<T>(this LinuxLoop loop, Func<T> function) => loop.InvokeAsync(() =>
    {
        try
        {
            return ValueTask.FromResult(function());
        }
        catch (Exception exception)
        {
            Environment.FailFast($"administration on the loop: {exception.Message}", exception);
            throw;
        }
    });
}
