namespace Cstor.Engine.Host.Linux;

/// <summary>
/// What other threads send to a loop. The lock is held for a few instructions only, and never by two loops'
/// data paths: messages are how threads meet. The kernel is asked to wake the loop only if the loop has said
/// that it sleeps.
/// </summary>
internal sealed class Mailbox(int wakeFile)
{
    private readonly Lock _gate = new();
    private List<object> _incoming = new(64);
    private List<object> _delivering = new(64);
    private volatile bool _hasMail;
    private bool _sleeping;
    private bool _closed;

    /// <summary>Something waits; may be asked without the lock.</summary>
    public bool HasMail => _hasMail;

    /// <summary>
    /// Any thread. An <see cref="Action"/> or <see cref="ILoopMessage"/>; false once the loop has ended.
    /// </summary>
    public bool Put(object message)
    {
        bool wake;
        lock (_gate)
        {
            if (_closed) return false;
            _incoming.Add(message);
            _hasMail = true;
            wake = _sleeping;
            _sleeping = false;
            // Inside the lock, so that the descriptor cannot be closed meanwhile.
            if (wake) _ = Libc.EventSignal(wakeFile);
        }

        return true;
    }

    /// <summary>The loop is about to sleep; false if there is mail.</summary>
    public bool TrySleep()
    {
        lock (_gate)
        {
            if (_incoming.Count > 0) return false;
            _sleeping = true;
            return true;
        }
    }

    public void Awake()
    {
        lock (_gate) _sleeping = false;
    }

    /// <summary>Runs what has come so far, in order.</summary>
    public void Deliver()
    {
        lock (_gate)
        {
            (_incoming, _delivering) = (_delivering, _incoming);
            _hasMail = false;
        }

        foreach (object message in _delivering)
        {
            if (message is Action action) action();
            else ((ILoopMessage)message).Deliver();
        }

        _delivering.Clear();
    }

    /// <summary>Takes no more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            _sleeping = false;
        }
    }
}
