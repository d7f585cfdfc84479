namespace Cstor.Raid;

/// <summary>GF(2^8), polynomial 0x11D, generator 2: tables of powers and logarithms.</summary>
internal static class GaloisField
{
    /// <summary>What is left of the polynomial when x^8 is taken off.</summary>
    public const byte Reduction = 0x1D;

    /// <summary>2 to the power of n, for n of 0 to 509.</summary>
    public static ReadOnlySpan<byte> Powers => Tables.Powers;

    public static byte Multiply(byte a, byte b) =>
        a == 0 || b == 0 ? (byte)0 : Tables.Powers[Tables.Logarithms[a] + Tables.Logarithms[b]];

    public static byte Double(byte a) => (byte)((a << 1) ^ (a > 127 ? 0x100 | Reduction : 0));

    /// <summary>Division by zero is a bug.</summary>
    public static byte Inverse(byte a)
    {
        PoolLayout.Check.That(a != 0);
        return Tables.Powers[255 - Tables.Logarithms[a]];
    }

    /// <summary>The coefficient of a data column in a parity row (0 P, 1 Q, 2 R).</summary>
    public static byte Coefficient(int row, int column, int columnCount) =>
        Tables.Powers[row * (columnCount - 1 - column) % 255];

    private static class Tables
    {
        public static readonly byte[] Powers = new byte[510];
        public static readonly byte[] Logarithms = new byte[256];

        static Tables()
        {
            int value = 1;
            for (int power = 0; power < 255; power++)
            {
                Powers[power] = Powers[power + 255] = (byte)value;
                Logarithms[value] = (byte)power;
                value <<= 1;
                if (value > 255) value ^= 0x100 | Reduction;
            }
        }
    }
}
