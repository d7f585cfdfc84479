using Cstor.PoolLayout;
using Cstor.Raid;
using Xunit;

namespace Cstor.Tests.Raid;

public sealed class GaloisFieldTests
{
    [Fact]
    public void A_product_is_that_of_polynomials_reduced_by_0x11D()
    {
        for (int a = 0; a < 256; a++)
            for (int b = 0; b < 256; b++)
                Assert.Equal(ByLongMultiplication(a, b), GaloisField.Multiply((byte)a, (byte)b));
    }

    [Fact]
    public void Multiplication_is_associative_and_distributes_over_sums()
    {
        Random random = new(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte a = (byte)random.Next(256);
            byte b = (byte)random.Next(256);
            byte c = (byte)random.Next(256);
            Assert.Equal(
                GaloisField.Multiply(GaloisField.Multiply(a, b), c),
                GaloisField.Multiply(a, GaloisField.Multiply(b, c)));
            Assert.Equal(
                GaloisField.Multiply(a, (byte)(b ^ c)),
                (byte)(GaloisField.Multiply(a, b) ^ GaloisField.Multiply(a, c)));
        }
    }

    [Fact]
    public void Every_number_but_zero_has_an_inverse()
    {
        for (int a = 1; a < 256; a++)
            Assert.Equal(1, GaloisField.Multiply((byte)a, GaloisField.Inverse((byte)a)));
        Assert.Throws<CheckFailedException>(() => GaloisField.Inverse(0));
    }

    [Fact]
    public void Two_generates_every_number_but_zero()
    {
        Assert.Equal(255, GaloisField.Powers[..255].ToArray().Distinct().Count());
        Assert.False(GaloisField.Powers.Contains((byte)0));
        Assert.True(GaloisField.Powers[..255].SequenceEqual(GaloisField.Powers[255..]));
    }

    [Fact]
    public void Doubling_is_multiplication_by_two()
    {
        for (int a = 0; a < 256; a++)
            Assert.Equal(GaloisField.Multiply(2, (byte)a), GaloisField.Double((byte)a));
    }

    [Fact]
    public void Coefficients_are_powers_of_one_two_and_four_that_end_with_one()
    {
        for (int column = 0; column < 255; column++)
        {
            int power = 254 - column;
            Assert.Equal(1, GaloisField.Coefficient(0, column, 255));
            Assert.Equal(Power(2, power), GaloisField.Coefficient(1, column, 255));
            Assert.Equal(Power(4, power), GaloisField.Coefficient(2, column, 255));
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(17)]
    [InlineData(255)]
    public void Any_two_columns_differ_in_any_two_rows(int width)
    {
        for (int a = 0; a < width; a++)
        {
            for (int b = 0; b < a; b++)
            {
                Assert.NotEqual(0, Determinant(0, 1, a, b, width));
                Assert.NotEqual(0, Determinant(0, 2, a, b, width));
                Assert.NotEqual(0, Determinant(1, 2, a, b, width));
            }
        }
    }

    private static int Determinant(int row, int otherRow, int a, int b, int width) =>
        GaloisField.Multiply(
            GaloisField.Coefficient(row, a, width),
            GaloisField.Coefficient(otherRow, b, width))
        ^ GaloisField.Multiply(
            GaloisField.Coefficient(row, b, width),
            GaloisField.Coefficient(otherRow, a, width));

    private static byte Power(int of, int exponent)
    {
        int product = 1;
        for (int i = 0; i < exponent; i++) product = ByLongMultiplication(product, of);
        return (byte)product;
    }

    private static byte ByLongMultiplication(int a, int b)
    {
        int product = 0;
        for (int bit = 0; bit < 8; bit++)
            if ((b >> bit & 1) != 0) product ^= a << bit;
        for (int bit = 15; bit >= 8; bit--)
            if ((product >> bit & 1) != 0) product ^= 0x11D << (bit - 8);
        return (byte)product;
    }
}
