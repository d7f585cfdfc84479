using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>A device that may join a pool, open and ours alone.</summary>
/// <param name="Disk">The disk.</param>
/// <param name="Overwrites">What it carries and force lets us overwrite, or null.</param>
internal sealed record AdmittedDevice(IDisk Disk, string? Overwrites);
