namespace Cstor.Engine.Vdevs;

/// <summary>What reading a copy or column of a block brought.</summary>
internal enum CopyFinding
{
    Unread = 0,
    Good,
    Wrong,
    Unreadable,
}
