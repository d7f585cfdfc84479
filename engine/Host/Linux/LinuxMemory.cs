using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// Mappings of their own, past the allocator, which would keep for itself what is given back.
/// </summary>
internal sealed class LinuxMemory(LinuxLoop loop) : IMemory
{
    public nint Take(int lengthBytes)
    {
        // Twice as much has an aligned part of the right length; the rest goes back at once.
        nint mapped = Libc.MapPrivate((nuint)lengthBytes * 2);
        if (mapped < 0) return 0;
        nint address = (mapped + lengthBytes - 1) & -(nint)lengthBytes;
        Unmap(mapped, address - mapped);
        Unmap(address + lengthBytes, mapped + lengthBytes - address);
        Libc.AdviseHugePages(address, lengthBytes);
        return address;
    }

    public void GiveBack(nint address, int lengthBytes) => Unmap(address, lengthBytes);

    public ValueTask<MemoryLevel> MeasureAsync() =>
        loop.RunBlockingAsync(static () => MemoryFiles.Measure(SystemFiles.Read));

    private static void Unmap(nint address, nint lengthBytes)
    {
        if (lengthBytes == 0) return;
        int result = Libc.Unmap(address, (nuint)lengthBytes);
        Check.That(result == 0);
    }
}
