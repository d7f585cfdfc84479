using System.CommandLine;
using System.CommandLine.Parsing;
using Cstor.Daemon.Vocabulary;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>Arguments and options with their checks: what they accept, and what they say otherwise.</summary>
internal static class ArgumentReaders
{
    public const int DefaultBlockBytes = 16 * 1024;

    public static Argument<string> Pool(string description) => Checked(
        new Argument<string>("POOL") { Description = description }, Names.CheckPool);

    /// <summary>A pool by name or guid.</summary>
    public static Argument<string> PoolOrGuid(string description) => Checked(
        new Argument<string>("POOL") { Description = description },
        text => Guid.TryParse(text, out _) ? null : Names.CheckPool(text));

    /// <summary>A device that a pool has.</summary>
    public static Argument<string> Member(string name, string description) =>
        new(name) { Description = description + ": its path, the last part of it, or its guid" };

    /// <summary>The layout behind a pool's name.</summary>
    /// <param name="description">Before the grammar.</param>
    /// <param name="isAddition">To a pool that has data vdevs.</param>
    public static Argument<string[]> Vdevs(string description, bool isAddition)
    {
        Argument<string[]> vdevs = new("VDEV")
        {
            Description = $"{description}{VdevGrammar.Summary}. A device is a disk or a file",
            Arity = ArgumentArity.OneOrMore,
        };
        vdevs.Validators.Add(result =>
        {
            string[] words = [.. result.Tokens.Select(token => token.Value)];
            string? reason = isAddition
                ? VdevGrammar.ParseAddition(words, out _)
                : VdevGrammar.Parse(words, out _);
            if (reason is not null) result.AddError(reason);
        });
        return vdevs;
    }

    public static Argument<string> Volume() => Checked(
        new Argument<string>("POOL/VOL") { Description = "The volume" }, text =>
            Names.Split(text, out _, out _));

    public static Argument<long> Size(string description)
    {
        Argument<long> argument = new("SIZE") { Description = description };
        argument.CustomParser = result => ReadSize(result, 0);
        return argument;
    }

    public static Option<long> BlockSize()
    {
        Option<long> option = new("--block-size", "-b")
        {
            Description = "Block size of the volume, fixed for its life: 4K to 128K; default 16K",
            HelpName = "SIZE",
        };
        option.CustomParser = result =>
        {
            long size = ReadSize(result, 0);
            bool fits = size is >= Layout.MinimumBlockBytes and <= Layout.MaximumBlockBytes
                && long.IsPow2(size);
            if (result.Errors.Any() || fits) return size;
            result.AddError($"-b {result.Tokens[0].Value}: a block is a power of two from 4K to 128K");
            return size;
        };
        return option;
    }

    /// <summary>A size option of at least <paramref name="minimum"/> bytes.</summary>
    public static long ReadSize(ArgumentResult result, long minimum)
    {
        string text = result.Tokens[0].Value;
        if (!ByteSize.TryParse(text, out long bytes, out string? reason))
        {
            result.AddError($"'{text}': {reason}");
        }
        else if (bytes < minimum) result.AddError($"'{text}': at least {ByteSize.Format(minimum)}");
        return bytes;
    }

    /// <summary><c>-o PROP=VALUE</c>, repeatable.</summary>
    public static Option<string[]> Properties(string description)
    {
        Option<string[]> option =
            new("--property", "-o") { Description = description, HelpName = "PROP=VALUE" };
        option.Validators.Add(result =>
        {
            foreach (Token token in result.Tokens)
            {
                if (SplitProperty(token.Value) is null) result.AddError(PropertyError(token.Value));
            }
        });
        return option;
    }

    public static string PropertyError(string text) =>
        $"'{text}' sets no property: write PROP=VALUE, such as compression=zstd";

    public static KeyValuePair<string, string>? SplitProperty(string text)
    {
        int sign = text.IndexOf('=', StringComparison.Ordinal);
        return sign <= 0 ? null : new(text[..sign], text[(sign + 1)..]);
    }

    private static Argument<string> Checked(Argument<string> argument, Func<string, string?> check)
    {
        argument.Validators.Add(result =>
        {
            foreach (Token token in result.Tokens)
            {
                if (check(token.Value) is { } reason) result.AddError(reason);
            }
        });
        return argument;
    }
}
