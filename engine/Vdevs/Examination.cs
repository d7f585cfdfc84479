using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>What reading every part of a block brought to light.</summary>
/// <param name="Status">Ok if the block's contents were found or computed; else why not.</param>
/// <param name="BadParts">Copies or columns, on devices in use, that were unreadable or wrong.</param>
/// <param name="RepairedParts">Those of them that were rewritten.</param>
/// <param name="Where">The devices of the bad parts, for people.</param>
internal readonly record struct Examination(IoStatus Status, int BadParts, int RepairedParts, string Where)
{
    public bool IsClean => Status == IoStatus.Ok && BadParts == 0;
}
