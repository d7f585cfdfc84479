using Cstor.Tests.Simulation.Oracle;

namespace Cstor.Tests.Simulation.Versions;

/// <summary>The states that a crash may leave: from the last durable one to the newest.</summary>
internal sealed class VersionHistory
{
    private readonly List<ModelState> _states = [ModelState.Empty];
    private int _ids;
    private int _names;
    private ulong _stamps;

    public ModelState Now => _states[^1];

    /// <summary>Every block that was ever written, ascending.</summary>
    public SortedSet<long> Places { get; } = [];

    /// <summary>Names one more state that may be found.</summary>
    public void Step(Func<ModelState, ModelState> change)
    {
        _states.Add(change(Now));
        foreach (ModelVersion version in Now.Versions.Values) Places.UnionWith(version.Contents.Keys);
    }

    /// <summary>Nothing before the newest state may be found any more.</summary>
    public void Durable() => _states.RemoveRange(0, _states.Count - 1);

    /// <summary>One of the states was found, which is now the only one.</summary>
    public void Settle(ModelState found)
    {
        int index = _states.FindLastIndex(state => found.DifferenceFrom(state) is null);
        if (index < 0)
            throw new OracleException(
                $"the pool is in none of {_states.Count} states: oldest: {found.DifferenceFrom(_states[0])}; "
                + $"newest: {found.DifferenceFrom(Now)}");
        _states.RemoveRange(index + 1, _states.Count - index - 1);
        Durable();
    }

    public int NewId(int count = 1)
    {
        _ids += count;
        return _ids - count + 1;
    }

    public string NewName(string prefix) => $"{prefix}{++_names}";

    /// <summary>What a block is filled with; odd ones compress.</summary>
    public ulong NewStamp(bool isCompressible) => (++_stamps << 1) | (isCompressible ? 1UL : 0);
}
