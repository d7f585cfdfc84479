namespace Cstor.PoolLayout.Labels;

/// <summary>A node of the vdev tree, as every label of the pool has it. Immutable.</summary>
public sealed record VdevConfig
{
    /// <summary>Deepest tree: a top-level vdev, a replacing or spare group in it, its disks.</summary>
    public const int MaximumDepth = 3;

    /// <summary>Most children of one vdev.</summary>
    public const int MaximumChildren = 255;

    public required VdevKind Kind { get; init; }

    public VdevRole Role { get; init; }

    /// <summary>
    /// Identity, kept for life; of a disk it is what import looks for, whatever the device's path.
    /// </summary>
    public required Guid Guid { get; init; }

    /// <summary>
    /// Place among its siblings; of a top-level vdev the number in a <see cref="BlockPlace"/>.
    /// </summary>
    public required int Id { get; init; }

    /// <summary>
    /// Sectors that may be used: of a disk what lies between its labels, of a group what its blocks can
    /// address.
    /// </summary>
    public required long SizeSectors { get; init; }

    public VdevState State { get; init; }

    /// <summary>
    /// The device lacks blocks born in this epoch or later; 0: it lacks none and may be read. What brings it
    /// up to date copies these blocks alone.
    /// </summary>
    public ulong MissingFrom { get; init; }

    /// <summary>Of a disk: where it was last seen. A hint for people and for the order of scanning.</summary>
    public string Path { get; init; } = "";

    public IReadOnlyList<VdevConfig> Children { get; init; } = [];

    /// <summary>
    /// Has every block that the pool acknowledged: what a label says of a disk that may be read.
    /// </summary>
    public bool IsCurrent => State == VdevState.Online && MissingFrom == 0;

    /// <summary>The disks below this vdev, or itself.</summary>
    public IEnumerable<VdevConfig> Disks =>
        Kind == VdevKind.Disk ? [this] : Children.SelectMany(child => child.Disks);

    /// <summary>Reason why the tree cannot be right, or null.</summary>
    public string? Validate() => Validate(1);

    private string? Validate(int depth)
    {
        if (depth > MaximumDepth) return $"vdev tree deeper than {MaximumDepth}";
        if (Guid == Guid.Empty) return "vdev without a guid";
        if (SizeSectors <= 0) return $"vdev of {SizeSectors} sectors";
        if ((ulong)SizeSectors > BlockPlace.MaximumSector) return $"vdev of {SizeSectors} sectors";
        if (depth > 1 && Role != VdevRole.Data) return "role on an inner vdev";
        if (Kind == VdevKind.Disk) return Children.Count == 0 ? null : "disk with children";
        if (Path.Length != 0) return "path on a group";
        if (Children.Count == 0) return $"{LabelText.NameOf(Kind)} without children";
        if (Children.Count > MaximumChildren)
            return $"{LabelText.NameOf(Kind)} with {Children.Count} children";
        for (int i = 0; i < Children.Count; i++)
        {
            if (Children[i].Id != i) return $"child {i} calls itself {Children[i].Id}";
            if (Children[i].Validate(depth + 1) is { } reason) return reason;
        }

        return null;
    }
}
