namespace Cstor.Engine.Rewind;

/// <summary>What going back undoes of a volume or snapshot.</summary>
/// <param name="Volume">Its name, the newer one.</param>
/// <param name="Kind">One of the words below.</param>
/// <param name="Bytes">Its newer size, or what was written since.</param>
/// <param name="Blocks">Blocks written since, or 0.</param>
public sealed record RewindLoss(string Volume, string Kind, long Bytes, long Blocks)
{
    /// <summary>It did not exist yet, and is lost.</summary>
    public const string Created = "created";

    /// <summary>It was destroyed since, and comes back.</summary>
    public const string Destroyed = "destroyed";

    /// <summary>Its size was another one.</summary>
    public const string Resized = "resized";

    /// <summary>Blocks were written since, and are as they were.</summary>
    public const string Written = "written";

    /// <summary>What was written since cannot be read.</summary>
    public const string Unknown = "unknown";
}
