namespace Cstor.Engine.Host.Linux.Abi;

/// <summary>
/// Numbers of the C library's and the kernel's headers on x86-64, checked against the C headers by a test.
/// </summary>
internal static class LibcConstants
{
    public const int OpenReadOnly = 0;
    public const int OpenReadWrite = 2;
    public const int OpenExclusive = 0x80;
    public const int OpenNonBlocking = 0x800;
    public const int OpenDirect = 0x4000;
    public const int OpenCloseOnExec = 0x80000;

    public const int TypeMask = 0xF000;
    public const int TypeDirectory = 0x4000;
    public const int TypeBlock = 0x6000;
    public const int TypeRegular = 0x8000;

    public const int AtCurrentDirectory = -100;
    public const int AtEmptyPath = 0x1000;
    public const uint StatusBasic = 0x7FF;
    public const uint StatusDirectAlignment = 0x2000;

    public const ulong BlockSizeBytes = 0x80081272;
    public const ulong BlockLogicalSector = 0x1268;
    public const ulong BlockPhysicalSector = 0x127B;
    public const ulong BlockReadOnly = 0x125E;
    public const ulong BlockDiscard = 0x1277;

    public const int LockExclusive = 2;
    public const int LockNonBlocking = 4;

    public const uint AllocateKeepSize = 1;
    public const uint AllocatePunchHole = 2;

    public const int ProtectionReadWrite = 3;
    public const int MapShared = 1;
    public const int MapPrivate = 2;
    public const int MapAnonymous = 0x20;
    public const int MapNoReserve = 0x4000;
    public const int MapPopulate = 0x8000;
    public const int AdviseHugePage = 14;

    public const int LimitOpenFiles = 7;

    public const int EventCloseOnExec = 0x80000;

    public const int FamilyInternet4 = 2;
    public const int FamilyInternet6 = 10;
    public const int SocketStream = 1;
    public const int SocketCloseOnExec = 0x80000;
    public const int LevelSocket = 1;
    public const int LevelTcp = 6;
    public const int LevelInternet6 = 41;
    public const int OptionReuseAddress = 2;
    public const int OptionNoDelay = 1;
    public const int OptionSynCount = 7;
    public const int OptionCongestion = 13;
    public const int OptionVersion6Only = 26;
    public const int ShutdownBoth = 2;
    public const uint MessageNoSignal = 0x4000;
    public const uint MessageWaitAll = 0x100;
}
