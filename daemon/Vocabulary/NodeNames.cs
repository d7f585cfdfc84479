namespace Cstor.Daemon.Vocabulary;

/// <summary>
/// Names of nodes, and of places for replicas as <c>NODE/POOL</c>. Node names are as those of hosts; they are
/// part of what every voter of a group keeps, so they are short.
/// </summary>
internal static class NodeNames
{
    public const int Maximum = 32;

    /// <returns>Why the text is no node name, or null.</returns>
    public static string? Check(string name)
    {
        if (name.Length == 0) return "the node name is empty";
        if (name.Length > Maximum) return $"the node name '{name}' is longer than {Maximum} characters";
        bool isClean = char.IsAsciiLetterOrDigit(name[0])
            && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');
        return isClean
            ? null
            : $"'{name}' is no node name: take letters, digits, hyphens and dots, a letter or digit first";
    }

    /// <summary>The host's own name, as far as it can be one of a node.</summary>
    public static string OfHost(string host)
    {
        string name = new([.. host.Where(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.')]);
        name = name.TrimStart('-', '.');
        return name.Length == 0 ? "node" : name[..Math.Min(name.Length, Maximum)];
    }

    /// <summary>Takes <c>NODE/POOL</c> apart.</summary>
    /// <returns>Why the text is none, or null.</returns>
    public static string? SplitPlace(string text, out string node, out string pool)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        node = slash < 0 ? text : text[..slash];
        pool = slash < 0 ? "" : text[(slash + 1)..];
        if (slash <= 0) return $"'{text}' names no place: write NODE/POOL, such as node2/tank";
        return Check(node) ?? Names.CheckPool(pool);
    }
}
