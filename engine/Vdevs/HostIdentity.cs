namespace Cstor.Engine.Vdevs;

/// <summary>
/// Who imports: written into the labels, so that another host does not take the pool unasked.
/// </summary>
/// <param name="Name">Host name, for people.</param>
/// <param name="Id">Identity that survives renaming.</param>
public sealed record HostIdentity(string Name, Guid Id)
{
    /// <summary>A host that does not say who it is; it is never another one.</summary>
    public static readonly HostIdentity Unknown = new("", Guid.Empty);

    /// <summary>Whether a label's host is known to be another one.</summary>
    public bool IsOther(string name, Guid id) =>
        Id != Guid.Empty && id != Guid.Empty ? Id != id
            : Name.Length != 0 && name.Length != 0 && Name != name;
}
