namespace Cstor.Engine.Vdevs;

/// <summary>All ways to choose some of several items.</summary>
internal static class Combinations
{
    /// <summary>Subsets of that size, each ascending in the items' order; one empty set for size 0.</summary>
    public static IEnumerable<int[]> Of(int[] items, int size)
    {
        if (size > items.Length) yield break;
        int[] chosen = [.. Enumerable.Range(0, size)];
        while (true)
        {
            yield return [.. chosen.Select(index => items[index])];
            int at = size - 1;
            while (at >= 0 && chosen[at] == items.Length - size + at) at--;
            if (at < 0) yield break;
            chosen[at]++;
            for (int i = at + 1; i < size; i++) chosen[i] = chosen[i - 1] + 1;
        }
    }
}
