namespace Cstor.Engine.Vdevs;

/// <summary>What a request asks of its device.</summary>
internal enum DeviceRequestKind
{
    Read,
    Write,
    Flush,
    Discard,
}
