using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Versions;

/// <summary>
/// Pointers that became visible in a run of time that has ended, and are not in a durable tree yet. Every
/// version that was made afterwards sees them, so several trees share a layer; a checkpoint applies it once.
/// </summary>
internal sealed class Layer(PendingMap map, Dataset owner, ulong epoch, int height)
{
    private int _users;

    public PendingMap Map => map;

    /// <summary>The version whose last changes these are: it decides what they make free.</summary>
    public Dataset Owner { get; set; } = owner;

    /// <summary>The owner when the checkpoint began that applies this layer; null before.</summary>
    public Dataset? FrozenOwner { get; private set; }

    /// <summary>Last epoch in which its pointers became visible; birth of the nodes they make.</summary>
    public ulong Epoch => epoch;

    /// <summary>Node levels that the volume's size asks for.</summary>
    public int Height => height;

    /// <summary>The tree that it leads to, once a checkpoint has written that.</summary>
    public TreeState? Result { get; set; }

    /// <summary>Sectors that it drops although the version before keeps them.</summary>
    public long DroppedSectors { get; set; }

    /// <summary>A durable root has the result.</summary>
    public bool IsDurable { get; private set; }

    /// <summary>Weight that still awaits a checkpoint.</summary>
    public int WaitingWeight => FrozenOwner is null ? map.Weight : 0;

    public void Freeze() => FrozenOwner ??= Owner;

    /// <summary>Enters what was dropped into the owner's accounts, once.</summary>
    public void BecomeDurable()
    {
        if (IsDurable) return;
        Check.That(Result is not null);
        IsDurable = true;
        Owner.Record.DroppedSectors += DroppedSectors;
    }

    public void Retain() => _users++;

    /// <summary>The last tree that lets go returns the memory.</summary>
    public void Release()
    {
        Check.That(_users > 0);
        if (--_users == 0) map.Dispose();
    }
}
