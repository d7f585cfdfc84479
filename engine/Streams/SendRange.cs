using Cstor.Engine.Trees;
using Cstor.Engine.Versions;

namespace Cstor.Engine.Streams;

/// <summary>Between which snapshots a stream goes.</summary>
/// <param name="To">Where it leads.</param>
/// <param name="From">Where it begins, or null: at nothing.</param>
/// <param name="FirstBlock">What is before it was sent earlier.</param>
internal sealed record SendRange(Snapshot To, Snapshot? From, ulong FirstBlock)
{
    public TreeRoot OlderTree => From?.Tree.Durable.Root ?? TreeRoot.Empty;
}
