using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Cstor.Engine.Host;

/// <summary>
/// As <see cref="LoopMethodBuilder{T}"/>, for <c>async ValueTask</c> methods without a value.
/// </summary>
[SuppressMessage("Performance", "CA1822", Justification = "The compiler wants instance members.")]
public struct LoopVoidMethodBuilder
{
    private LoopMethodBuilder<Unit> _inner;

    public static LoopVoidMethodBuilder Create() => default;

    public ValueTask Task => _inner.UntypedTask;

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine) => _ = stateMachine;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public void SetResult() => _inner.SetResult(Unit.Value);

    public void SetException(Exception exception) => _inner.SetException(exception);

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(
        ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => _inner.AwaitOnCompleted(ref awaiter, ref stateMachine);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(
        ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine =>
        _inner.AwaitUnsafeOnCompleted(ref awaiter, ref stateMachine);
}
