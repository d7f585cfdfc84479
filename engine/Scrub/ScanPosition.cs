using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Scrub;

/// <summary>Where in the trees a scan goes on: what comes before is done.</summary>
/// <param name="Stage">Which tree.</param>
/// <param name="Turn">Of the volume or snapshot; null before the first.</param>
/// <param name="Block">Next index in the stage's tree.</param>
internal readonly record struct ScanPosition(ScanStage Stage, ScanTurn? Turn, ulong Block)
{
    public bool IsEnd => Stage == ScanStage.End;

    public ScanPosition NextStage() => new(Stage + 1, null, 0);
}
