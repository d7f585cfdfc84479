// Async methods of the data path run on one loop and are awaited once. The framework's pooling builder keeps a few
// state machines for each type; with 32 commands under way most would be allocated anew. This one keeps as many as were
// ever under way at once on its thread, so that a warm loop allocates nothing. It carries no execution context: nothing on a
// loop depends on one.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Cstor.Engine.Host;

/// <summary>Builder of <c>async ValueTask</c> methods whose state machines are pooled by the thread.</summary>
[SuppressMessage("Performance", "CA1822", Justification = "The compiler wants these as instance members.")]
public struct LoopMethodBuilder
{
    private LoopMethodBuilder<Unit> _inner;

    public static LoopMethodBuilder Create() => default;

    public ValueTask Task => _inner.UntypedTask;

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine) => _ = stateMachine;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public void SetResult() => _inner.SetResult(Unit.Value);

    public void SetException(Exception exception) => _inner.SetException(exception);

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => _inner.AwaitOnCompleted(ref awaiter, ref stateMachine);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(
        ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => _inner.AwaitUnsafeOnCompleted(ref awaiter, ref stateMachine);
}
