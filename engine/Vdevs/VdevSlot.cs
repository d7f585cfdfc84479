using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// A child of a top-level vdev: one device, or several that hold the same while one takes over from another
/// (replacing, spare). Immutable; a change of the tree makes a new one.
/// </summary>
internal sealed class VdevSlot
{
    public VdevSlot(VdevKind kind, Guid guid, PoolDevice[] members)
    {
        Check.That(kind is VdevKind.Disk or VdevKind.Replacing or VdevKind.Spare);
        Check.That(kind == VdevKind.Disk ? members.Length == 1 : members.Length >= 2);
        Kind = kind;
        Guid = guid;
        Members = members;
    }

    public VdevKind Kind { get; }

    public Guid Guid { get; }

    public PoolDevice[] Members { get; }

    /// <summary>A slot of one device.</summary>
    public static VdevSlot Of(PoolDevice device) => new(VdevKind.Disk, device.Guid, [device]);

    /// <summary>The slot's branch of the tree as the next label will have it.</summary>
    public VdevConfig Config(int id) => Kind == VdevKind.Disk
        ? Members[0].Config with { Id = id }
        : new VdevConfig
        {
            Kind = Kind,
            Guid = Guid,
            Id = id,
            SizeSectors = Members.Min(member => member.SizeSectors),
            Children = [.. Members.Select((member, index) => member.Config with { Id = index })],
        };
}
