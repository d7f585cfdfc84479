using Cstor.Daemon.Api;
using Cstor.Engine.Host;

namespace Cstor.Tests.Daemon.Api;

/// <summary>Answers with lists one after the other, the last of which stays.</summary>
internal sealed class FakeJobAdministration : IJobAdministration
{
    public Queue<JobView[]> Lists { get; } = new([[]]);

    public List<string> Canceled { get; } = [];

    public Task<Outcome<JobView[]>> ListAsync() =>
        Task.FromResult(Outcome<JobView[]>.Ok(Lists.Count > 1 ? Lists.Dequeue() : Lists.Peek()));

    public Task<Outcome<ActionReport>> CancelAsync(string id)
    {
        Canceled.Add(id);
        return Task.FromResult<Outcome<ActionReport>>(new ActionReport(false, [$"{id} ends"]));
    }
}
