using System.Globalization;

namespace Cstor.Tests.Bench.Writes;

/// <summary>What the kernel counts.</summary>
internal static class Machine
{
    /// <summary>Bytes written to a block device since it exists.</summary>
    public static long WrittenBytes(string device)
    {
        string text = File.ReadAllText($"/sys/class/block/{Path.GetFileName(device)}/stat");
        string[] fields = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(fields[6], CultureInfo.InvariantCulture) * 512;
    }

    /// <summary>Resident memory of this process, bytes.</summary>
    public static long ResidentBytes()
    {
        string line = File.ReadLines("/proc/self/status")
            .First(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        string number = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return long.Parse(number, CultureInfo.InvariantCulture) * 1024;
    }
}
