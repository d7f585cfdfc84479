namespace Cstor.Engine.Rewind;

/// <summary>What an import could go back to.</summary>
/// <param name="Pool">Its name.</param>
/// <param name="Guid">Its identity.</param>
/// <param name="LogGroups">Groups that the commit log has after the newest root; going back loses
/// them.</param>
/// <param name="LogDamage">What is wrong with that log, or empty.</param>
/// <param name="IsNeedless">The newest root is whole, and so is its log: an import loses nothing.</param>
/// <param name="Roots">All that the uberblock rings hold, newest first.</param>
public sealed record RewindPlan(
    string Pool,
    Guid Guid,
    int LogGroups,
    string LogDamage,
    bool IsNeedless,
    IReadOnlyList<RewindRoot> Roots)
{
    /// <summary>The newest checkpoint to go back to, or 0 if no root is whole.</summary>
    public ulong Newest => Roots.FirstOrDefault(static root => root.Damage.Length == 0)?.Checkpoint ?? 0;
}
