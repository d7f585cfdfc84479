using System.Runtime.InteropServices;

namespace Cstor.Tests.Bench.Parity;

/// <summary>What is measured against: Intel's library, version 2 of its interface.</summary>
internal static unsafe partial class IsaL
{
    private const string Library = "libisal.so.2";

    /// <summary>The last of the vectors becomes the sum of the others. All at multiples of 32.</summary>
    [LibraryImport(Library, EntryPoint = "xor_gen")]
    public static partial int XorGen(int vectors, int length, nint* array);

    /// <summary>The last two become P and Q, in which vector i counts 2^i times.</summary>
    [LibraryImport(Library, EntryPoint = "pq_gen")]
    public static partial int PqGen(int vectors, int length, nint* array);

    [LibraryImport(Library, EntryPoint = "ec_init_tables")]
    public static partial void EcInitTables(int k, int rows, byte* coefficients, byte* tables);

    [LibraryImport(Library, EntryPoint = "ec_encode_data")]
    public static partial void EcEncodeData(
        int length,
        int k,
        int rows,
        byte* tables,
        nint* data,
        nint* coding);

    // Its own entry points for AVX2 (xor_gen has none: AVX has the same 32 bytes).
    [LibraryImport(Library, EntryPoint = "xor_gen_avx")]
    public static partial int XorGenAvx(int vectors, int length, nint* array);

    [LibraryImport(Library, EntryPoint = "pq_gen_avx2")]
    public static partial int PqGenAvx2(int vectors, int length, nint* array);

    [LibraryImport(Library, EntryPoint = "ec_encode_data_avx2")]
    public static partial void EcEncodeDataAvx2(
        int length,
        int k,
        int rows,
        byte* tables,
        nint* data,
        nint* coding);
}
