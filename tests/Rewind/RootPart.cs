namespace Cstor.Tests.Rewind;

/// <summary>What each checkpoint writes anew.</summary>
public enum RootPart
{
    DatasetTable,
    DatasetRecord,
    SpaceLog,
    VolumeNode,
}
