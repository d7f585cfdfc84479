namespace Cstor.Target.Scsi;

/// <summary>
/// What became of the EXTENDED COPY commands of a unit's initiators, until it is asked for (SPC-4 §6.24.2):
/// by nexus and list identifier.
/// </summary>
internal sealed class CopyResults
{
    private const int MaximumHeld = 256;

    private readonly Dictionary<(Nexus Nexus, byte ListId), CopyResult> _results = [];

    public CopyResult? Find(Nexus nexus, byte listId) => _results.GetValueOrDefault((nexus, listId));

    /// <summary>A copy begins under this identifier, or (null) one with it is under way.</summary>
    public CopyResult? TryBegin(Nexus nexus, byte listId)
    {
        if (Find(nexus, listId) is { IsDone: false }) return null;
        if (_results.Count == MaximumHeld) DropFinished();
        var begun = new CopyResult();
        _results[(nexus, listId)] = begun;
        return begun;
    }

    public void Remove(Nexus nexus, byte listId) => _results.Remove((nexus, listId));

    /// <summary>The nexus is lost: nobody will ask any more.</summary>
    public void Forget(Nexus nexus)
    {
        foreach ((Nexus Nexus, byte ListId) key in _results.Keys)
            if (ReferenceEquals(key.Nexus, nexus)) _results.Remove(key);
    }

    private void DropFinished()
    {
        foreach (((Nexus Nexus, byte ListId) key, CopyResult result) in _results)
            if (result.IsDone) _results.Remove(key);
    }
}
