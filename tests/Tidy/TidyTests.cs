using Xunit;

namespace Cstor.Tests.Tidy;

/// <summary>
/// Style is a test. The repository passes every rule, and every rule finds what was planted for it.
/// </summary>
public sealed class TidyTests
{
    private static readonly string[] Layers = ["pool-layout", "raid", "engine", "target", "daemon", "tests"];

    private static IEnumerable<SourceFile> Code => SourceTree.Files(".cs");

    private static IEnumerable<SourceFile> Product => Code.Where(file => file.IsProduct);

    private static IEnumerable<SourceFile> Everything =>
        SourceTree.Files(".cs", ".sh", ".c", ".md", ".fio", ".csproj", ".props", ".targets", "Makefile");

    [Fact]
    public void Files_are_short() => Passes(Code, TidyRules.FileIsShort);

    [Fact]
    public void Lines_are_short() => Passes(SourceTree.Files(".cs", ".c"), TidyRules.LinesAreShort);

    [Fact]
    public void Text_has_no_stray_space() => Passes(Everything, TidyRules.TextIsClean);

    [Fact]
    public void Methods_are_short() => Passes(Code, TidyRules.MembersAreShort);

    [Fact]
    public void A_file_holds_one_type_and_has_its_name() => Passes(Code, TidyRules.OneTypeNamedAsTheFile);

    [Fact]
    public void A_namespace_is_the_path() => Passes(Code, TidyRules.NamespaceIsPath);

    [Fact]
    public void Nothing_is_marked_unfinished() => Passes(Everything, TidyRules.NothingIsUnfinished);

    [Fact]
    public void There_are_no_regions() => Passes(Code, TidyRules.NoRegions);

    [Fact]
    public void No_test_is_skipped_for_good() => Passes(Code, TidyRules.NoTestIsSkippedForGood);

    [Fact]
    public void The_project_speaks_of_itself_alone() => Passes(Everything, TidyRules.SpeaksOfItselfAlone);

    [Fact]
    public void There_is_no_static_mutable_state() =>
        // The compiler makes a method builder and hands it nothing: its pool can only be the thread's.
        Passes(
            Product.Where(file => file.Path != "engine/Host/LoopMethodBox.cs"),
            TidyRules.NoStaticMutableState);

    [Fact]
    public void The_ban_is_lifted_only_at_the_seam() =>
        Passes(Product.Where(file => file.TopFolder != "daemon"), TidyRules.BanIsLiftedOnlyAtTheSeam);

    [Fact]
    public void Project_references_go_one_way() =>
        Passes(SourceTree.Files(".csproj"), ProjectRules.ReferencesGoDown);

    [Fact]
    public void The_seam_is_watched_in_every_project_below_the_daemon() =>
        Passes(SourceTree.Files(".csproj"), ProjectRules.SeamIsWatched);

    [Fact]
    public void The_banned_list_names_clock_chance_threads_sockets_and_files()
    {
        string banned = File.ReadAllText(Path.Combine(SourceTree.Root, "BannedSymbols.txt"));
        string[] wanted =
        [
            "System.DateTime.Now", "System.DateTime.UtcNow", "System.Diagnostics.Stopwatch", "System.Random",
            "System.Threading.Thread;", "Task.Run(", "Task.Delay(", "System.Net.Sockets.Socket",
            "System.IO.File;",
        ];
        Assert.All(wanted, symbol => Assert.Contains(symbol, banned, StringComparison.Ordinal));
    }

    [Fact]
    public void Documents_name_only_files_and_targets_that_exist() =>
        Passes(SourceTree.Files(".md"), DocumentRules.NamesExist);

    [Fact]
    public void Scripts_are_executable_and_stop_at_the_first_error() =>
        Passes(SourceTree.Files(".sh", "run"), DocumentRules.ScriptIsSafe);

    [Fact]
    public void The_solution_holds_every_project()
    {
        string solution = File.ReadAllText(Path.Combine(SourceTree.Root, "cstor.sln")).Replace('\\', '/');
        Assert.All(
            SourceTree.Files(".csproj"),
            project => Assert.Contains(project.Path, solution, StringComparison.Ordinal));
        // One for each layer; a bench is no layer.
        Assert.Equal(
            Layers.Length,
            SourceTree.Files(".csproj").Count(project => !project.Path.StartsWith("tests/Bench/")));
    }

    private static void Passes(IEnumerable<SourceFile> files, Func<SourceFile, IEnumerable<string>> rule)
    {
        List<SourceFile> all = [.. files];
        Assert.NotEmpty(all);
        string[] violations = [.. all.SelectMany(rule)];
        Assert.True(violations.Length == 0, string.Join('\n', violations));
    }
}
