namespace Cstor.Target.Iscsi;

/// <summary>
/// A task management request that is answered once every task it aborted has really ended, so that nothing
/// of theirs takes effect after the answer (RFC 7143 §11.5.1).
/// </summary>
internal sealed class AbortWait(Action done)
{
    private int _open = 1;

    public void Add() => _open++;

    /// <summary>One task has ended, or all were named.</summary>
    public void Done()
    {
        if (--_open == 0) done();
    }
}
