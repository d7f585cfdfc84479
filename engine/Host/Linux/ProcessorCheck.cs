using System.Runtime.Intrinsics.X86;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// The executable is compiled for x86-64-v3. Asked of CPUID itself, because the compiler turns the runtime's
/// own
/// <c>IsSupported</c> properties into constants. Register bits: Intel SDM volume 2, CPUID.
/// </summary>
public static class ProcessorCheck
{
    private static readonly (string Name, int Bit)[] Leaf1Ecx =
    [
        ("SSE3", 0), ("SSSE3", 9), ("FMA", 12), ("CMPXCHG16B", 13), ("SSE4.1", 19), ("SSE4.2", 20),
        ("MOVBE", 22), ("POPCNT", 23), ("OSXSAVE", 27), ("AVX", 28), ("F16C", 29),
    ];

    private static readonly (string Name, int Bit)[] Leaf7Ebx = [("BMI1", 3), ("AVX2", 5), ("BMI2", 8)];

    private static readonly (string Name, int Bit)[] ExtendedEcx = [("LZCNT", 5)];

    /// <summary>Null, or a fault ("processor") that names what this processor lacks.</summary>
    public static Fault? Verify()
    {
        if (!X86Base.IsSupported) return Describe(["x86-64"]);
        int highest = X86Base.CpuId(0, 0).Eax;
        int leaf7 = highest >= 7 ? X86Base.CpuId(7, 0).Ebx : 0;
        int extended = X86Base.CpuId(unchecked((int)0x80000001), 0).Ecx;
        string[] missing = Missing(X86Base.CpuId(1, 0).Ecx, leaf7, extended);
        return missing.Length == 0 ? null : Describe(missing);
    }

    /// <summary>What the registers lack of x86-64-v3.</summary>
    internal static string[] Missing(int leaf1Ecx, int leaf7Ebx, int extendedEcx) =>
    [
        .. MissingIn(Leaf1Ecx, leaf1Ecx),
        .. MissingIn(Leaf7Ebx, leaf7Ebx),
        .. MissingIn(ExtendedEcx, extendedEcx),
    ];

    private static IEnumerable<string> MissingIn((string Name, int Bit)[] features, int register) =>
        features.Where(feature => (register >> feature.Bit & 1) == 0).Select(feature => feature.Name);

    private static Fault Describe(string[] missing) => new(
        "processor",
        $"this processor lacks {string.Join(", ", missing)}",
        "cstor needs x86-64-v3 (AVX2; servers since 2015). In a virtual machine choose the host's CPU model");
}
