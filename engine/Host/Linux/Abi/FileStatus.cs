using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct statx</c>, as far as it is used.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileStatus
{
    [FieldOffset(0)] public uint Mask;
    [FieldOffset(28)] public ushort Mode;
    [FieldOffset(32)] public ulong Inode;
    [FieldOffset(40)] public ulong SizeBytes;
    [FieldOffset(128)] public uint DeviceMajor;
    [FieldOffset(132)] public uint DeviceMinor;
    [FieldOffset(136)] public uint HostMajor;
    [FieldOffset(140)] public uint HostMinor;
    [FieldOffset(152)] public uint DirectMemoryAlignment;
    [FieldOffset(156)] public uint DirectOffsetAlignment;

    public readonly bool IsBlockDevice => (Mode & LibcConstants.TypeMask) == LibcConstants.TypeBlock;

    public readonly bool IsRegularFile => (Mode & LibcConstants.TypeMask) == LibcConstants.TypeRegular;

    public readonly bool IsDirectory => (Mode & LibcConstants.TypeMask) == LibcConstants.TypeDirectory;

    /// <summary>The device number of a device node, as sysfs writes it: "8:16".</summary>
    public readonly string DeviceNumber => $"{DeviceMajor}:{DeviceMinor}";
}
