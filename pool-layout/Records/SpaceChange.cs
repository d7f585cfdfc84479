namespace Cstor.PoolLayout.Records;

/// <summary>What happened to a run of sectors.</summary>
public enum SpaceChange : uint
{
    Allocated = 1,
    Freed = 2,
}
