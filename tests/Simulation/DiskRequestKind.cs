namespace Cstor.Tests.Simulation;

public enum DiskRequestKind
{
    Read,
    Write,
    Discard,
    Flush,
}
