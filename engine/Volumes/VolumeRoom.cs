namespace Cstor.Engine.Volumes;

/// <summary>Room for a volume's blocks, as its own blocks count: logical bytes, without parity.</summary>
/// <param name="AvailableBytes">What more of it can be stored now, at worst.</param>
/// <param name="UsedBytes">What of it is stored, at the newest checkpoint.</param>
/// <param name="WarnAtBytes">Warned when no more than so much is available; 0 for never.</param>
public readonly record struct VolumeRoom(long AvailableBytes, long UsedBytes, long WarnAtBytes);
