namespace Cstor.Tests.Simulation.Replication;

/// <summary>
/// All operations that wrote or saw one value of a register; see <see cref="RegisterHistory"/>.
/// </summary>
internal sealed class ValueZone(ulong value, long answeredNanoseconds, long invokedNanoseconds)
{
    public ulong Value => value;

    /// <summary>When the write of it began.</summary>
    public long WrittenNanoseconds { get; } = invokedNanoseconds;

    /// <summary>First answer.</summary>
    public long First { get; private set; } = answeredNanoseconds;

    /// <summary>Last invocation.</summary>
    public long Last { get; private set; } = invokedNanoseconds;

    /// <summary>What a conditional write replaced by it.</summary>
    public ValueZone? Before { get; set; }

    /// <summary>What a conditional write replaced it by.</summary>
    public ValueZone? After { get; set; }

    public void Add(ClusterOperation operation) => Add(
        operation.AnsweredNanoseconds, operation.InvokedNanoseconds);

    /// <summary>With all that follow it directly.</summary>
    public ValueZone Whole()
    {
        ValueZone whole = new(value, First, Last);
        for (ValueZone? next = After; next is not null; next = next.After) whole.Add(next.First, next.Last);
        return whole;
    }

    private void Add(long answered, long invoked)
    {
        First = Math.Min(First, answered);
        Last = Math.Max(Last, invoked);
    }
}
