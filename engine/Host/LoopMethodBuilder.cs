// Async methods of the data path run on one loop and are awaited once. The framework's pooling builder keeps
// about one state machine for each method, thread and core; with 32 commands under way most would be
// allocated anew. This one keeps as many as were ever under way at once on its thread, so that a warm loop
// allocates nothing. It carries no execution context: nothing on a loop depends on one.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Cstor.Engine.Host;

/// <summary>
/// Builder of <c>async ValueTask&lt;T&gt;</c> methods whose state machines are pooled by the thread.
/// </summary>
[SuppressMessage("Performance", "CA1822", Justification = "The compiler wants instance members.")]
[SuppressMessage("Design", "CA1000", Justification = "The compiler wants a static Create.")]
public struct LoopMethodBuilder<T>
{
    private LoopMethodResult<T>? _box;
    private T? _result;
    private Exception? _exception;

    public static LoopMethodBuilder<T> Create() => default;

    public readonly ValueTask<T> Task => _box is not null
        ? new ValueTask<T>(_box, _box.Version)
        : _exception is not null ? ValueTask.FromException<T>(_exception) : new ValueTask<T>(_result!);

    internal readonly ValueTask UntypedTask => _box is not null
        ? new ValueTask(_box, _box.Version)
        : _exception is not null ? ValueTask.FromException(_exception) : default;

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine) => _ = stateMachine;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public void SetResult(T result)
    {
        if (_box is null) _result = result;
        else _box.SetResult(result);
    }

    public void SetException(Exception exception)
    {
        if (_box is null) _exception = exception;
        else _box.SetException(exception);
    }

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(
        ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.OnCompleted(BoxOf(ref stateMachine).Continuation);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(
        ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine =>
        awaiter.UnsafeOnCompleted(BoxOf(ref stateMachine).Continuation);

    // The builder lies within the state machine: it must know its box before the machine is copied there.
    private LoopMethodResult<T> BoxOf<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine
    {
        if (_box is not null) return _box;
        LoopMethodBox<T, TStateMachine> box = LoopMethodBox<T, TStateMachine>.Rent();
        _box = box;
        box.StateMachine = stateMachine;
        return box;
    }
}
