using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Cstor.PoolLayout;

/// <summary>
/// Assertions that stay on in release: a bug dies at once, with the expression and the place.
/// </summary>
public static class Check
{
    /// <summary>
    /// Ends the process's current operation with a <see cref="CheckFailedException"/> unless the condition
    /// holds.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void That(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string expression = "",
        [CallerFilePath] string file = "",
        [CallerLineNumber] int line = 0)
    {
        if (!condition) Fail(expression, file, line);
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fail(string expression, string file, int line) =>
        throw new CheckFailedException($"check failed: {expression} at {Path.GetFileName(file)}:{line}");
}

/// <summary>
/// A broken invariant. Nothing catches it but the outermost frame of a loop, which stops the process.
/// </summary>
public sealed class CheckFailedException(string message) : Exception(message);
