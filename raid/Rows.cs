namespace Cstor.Raid;

/// <summary>The sets of rows there are kernels for; P alone is a matter of <see cref="XorKernel"/>.</summary>
internal static class Rows
{
    public readonly struct PAndQ : IRows
    {
        public static bool P => true;

        public static bool Q => true;

        public static bool R => false;
    }

    public readonly struct PQAndR : IRows
    {
        public static bool P => true;

        public static bool Q => true;

        public static bool R => true;
    }

    public readonly struct OnlyQ : IRows
    {
        public static bool P => false;

        public static bool Q => true;

        public static bool R => false;
    }

    public readonly struct OnlyR : IRows
    {
        public static bool P => false;

        public static bool Q => false;

        public static bool R => true;
    }

    public readonly struct QAndR : IRows
    {
        public static bool P => false;

        public static bool Q => true;

        public static bool R => true;
    }
}
