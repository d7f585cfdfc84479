namespace Cstor.Tests.Target.Fuzz;

/// <summary>Random bytes at the price of a copy: a seeded generator makes them one by one.</summary>
internal static class FuzzNoise
{
    private const int LargestBytes = 1 << 20;

    private static readonly byte[] Noise = Make();

    public static void Fill(Random random, Span<byte> destination) =>
        Noise.AsSpan(random.Next(LargestBytes), destination.Length).CopyTo(destination);

    private static byte[] Make()
    {
        byte[] noise = new byte[2 * LargestBytes];
        new Random(1).NextBytes(noise);
        return noise;
    }
}
