using Cstor.Engine.Host;

namespace Cstor.Daemon.Api;

/// <summary>
/// What an administrator can ask of a running daemon about work that takes long. Called from any thread.
/// </summary>
internal interface IJobAdministration
{
    /// <summary>Everything under way, and what ended lately as far as that is remembered.</summary>
    Task<Outcome<JobView[]>> ListAsync();

    /// <summary>Ends a job before it is done, where that leaves nothing half done.</summary>
    Task<Outcome<ActionReport>> CancelAsync(string id);
}
