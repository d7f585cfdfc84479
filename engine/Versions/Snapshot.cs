using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Versions;

/// <summary>What a volume was at one instant; it can be cloned, sent and gone back to.</summary>
public sealed class Snapshot : Dataset
{
    private const string HoldPrefix = "hold:";

    internal Snapshot(PoolCore pool, uint slot, in DatasetRecord record, LayeredTree tree, Volume owner)
        : base(pool, slot, record, tree) => Owner = owner;

    public override string Name => $"{Owner.Name}@{ShortName}";

    /// <summary>The volume it belongs to; promoting a clone changes it.</summary>
    public Volume Owner { get; internal set; }

    internal override Volume LineOwner => Owner;

    /// <summary>Last epoch whose blocks it may hold.</summary>
    internal ulong Epoch => Record.SnapshotEpoch;

    /// <summary>Those who read it now: it is not destroyed under them.</summary>
    internal int Users { get; set; }

    /// <summary>Tags of those who want it kept.</summary>
    internal IReadOnlyList<string> Holds =>
    [
        .. VolumeProperties.Texts(Record.Properties)
            .Where(static text => text.Key.StartsWith(HoldPrefix, StringComparison.Ordinal))
            .Select(static text => text.Key[HoldPrefix.Length..]),
    ];

    /// <summary>The property that stands for a hold.</summary>
    internal static string HoldProperty(string tag) => HoldPrefix + tag;
}
