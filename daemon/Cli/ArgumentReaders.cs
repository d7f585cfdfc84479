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

    /// <summary>One snapshot.</summary>
    public static Argument<string> Snapshot(string description) => Checked(
        new Argument<string>("POOL/VOL@SNAP") { Description = description },
        text => SnapshotNames.Split(text, out _, out _, out _));

    /// <summary>One snapshot or more.</summary>
    public static Argument<string[]> Snapshots(string description)
    {
        Argument<string[]> snapshots = new("POOL/VOL@SNAP")
        {
            Description = description,
            Arity = ArgumentArity.OneOrMore,
        };
        snapshots.Validators.Add(result => AddErrors(
            result, text => SnapshotNames.Split(text, out _, out _, out _)));
        return snapshots;
    }

    /// <summary>A volume that is not there yet, in a pool that is.</summary>
    public static Argument<string> NewVolume(string description) => Checked(
        new Argument<string>("POOL/NEW") { Description = description },
        text => Names.Split(text, out _, out _));

    /// <summary>An argument of which the check says what is wrong with it.</summary>
    public static Argument<string> Text(string name, string description, Func<string, string?> check) =>
        Checked(new Argument<string>(name) { Description = description }, check);

    /// <summary>
    /// What was typed for an argument, for a command's check: asking for its value would skip its own checks.
    /// </summary>
    public static string[] Typed(CommandResult result, Argument argument) =>
        [.. result.GetResult(argument)?.Tokens.Select(token => token.Value) ?? []];

    /// <summary>Complains unless both, volume or snapshot, are of one pool.</summary>
    public static void SamePool(
        CommandResult result, Argument<string> one, Argument<string> other, string rule)
    {
        string? first = Typed(result, one).FirstOrDefault();
        string? second = Typed(result, other).FirstOrDefault();
        if (first is null || second is null || first.Split('/')[0] == second.Split('/')[0]) return;
        result.AddError($"'{first}' and '{second}' are of different pools; {rule}");
    }

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
        argument.Validators.Add(result => AddErrors(result, check));
        return argument;
    }

    private static void AddErrors(ArgumentResult result, Func<string, string?> check)
    {
        foreach (Token token in result.Tokens)
        {
            if (check(token.Value) is { } reason) result.AddError(reason);
        }
    }
}
