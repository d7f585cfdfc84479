namespace Cstor.Engine.Host.Linux;

/// <summary>
/// Threads that run work and send it back to its loop. A loop has two pools: one of about the processors'
/// number for computation, and one for system calls that may block as long as a device pleases; a hung device
/// so never takes a thread from computation. Threads start when needed.
/// </summary>
internal sealed class WorkerPool(string name, int threadLimit)
{
    private readonly object _gate = new();
    private readonly Queue<OffloadOperation> _queue = new();
    private int _threads;
    private int _idle;
    private bool _stopping;

    public void Enqueue(OffloadOperation operation)
    {
        lock (_gate)
        {
            _queue.Enqueue(operation);
            if (_queue.Count > _idle && _threads < threadLimit)
            {
                _threads++;
                new Thread(Run) { IsBackground = true, Name = name }.Start();
            }
            else
            {
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>Lets the threads end when they have finished what they do.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Run()
    {
        while (true)
        {
            OffloadOperation? operation;
            lock (_gate)
            {
                _idle++;
                while (!_queue.TryDequeue(out operation) && !_stopping) Monitor.Wait(_gate);
                _idle--;
                if (operation is null) return;
            }

            operation.RunOnWorker();
        }
    }
}
