using Xunit;

namespace Cstor.Tests.Tidy;

/// <summary>
/// Each rule must be able to fail: here is what it has to find, and what it must leave alone.
/// </summary>
public sealed class TidyRulesTests
{
    [Fact]
    public void A_long_file_is_found()
    {
        Assert.Empty(TidyRules.FileIsShort(At("engine/A.cs", string.Concat(Enumerable.Repeat("x\n", 500)))));
        Assert.Single(TidyRules.FileIsShort(At("engine/A.cs", string.Concat(Enumerable.Repeat("x\n", 501)))));
    }

    [Fact]
    public void A_long_line_is_found()
    {
        Assert.Empty(TidyRules.LinesAreShort(At("engine/A.cs", new string('x', 110))));
        Assert.Single(TidyRules.LinesAreShort(At("engine/A.cs", "x\n" + new string('x', 111))));
    }

    [Theory]
    [InlineData("x \n")]
    [InlineData("x\r\n")]
    [InlineData("\tx\n")]
    [InlineData("x")]
    public void Stray_space_is_found(string text) =>
        Assert.Single(TidyRules.TextIsClean(At("engine/A.cs", text)));

    [Theory]
    [InlineData("void M()\n{\n", "}\n")]
    [InlineData("int P => F(\n", ");\n")]
    [InlineData("public A(int x) : base(x)\n{\n", "}\n")]
    public void A_long_method_is_found(string head, string foot)
    {
        string body = string.Concat(Enumerable.Repeat("  // \"{\" stays out\n", 66));
        Assert.Empty(TidyRules.MembersAreShort(InClass(head + body + foot)));
        Assert.Single(TidyRules.MembersAreShort(InClass(head + body + body + foot)));
    }

    [Fact]
    public void A_long_table_is_no_long_method()
    {
        string rows = string.Concat(Enumerable.Repeat("1,\n", 90));
        string table = "private static readonly int[] T = new int[]\n{\n" + rows + "};\n";
        Assert.Empty(TidyRules.MembersAreShort(InClass(table)));
    }

    [Theory]
    [InlineData("class B { }")]
    [InlineData("class A { } class B { }")]
    [InlineData("enum B { X } sealed class C { }")]
    [InlineData("class A { } record B(int X = 3); struct C { }")]
    [InlineData("using System;")]
    public void A_file_of_several_types_or_of_another_name_is_found(string text) =>
        Assert.Single(TidyRules.OneTypeNamedAsTheFile(At("engine/A.cs", "namespace Cstor.Engine;\n" + text)));

    [Theory]
    [InlineData("class A { class B { } struct C { } }")]
    [InlineData("interface A { } enum B { X } record C(int X); record struct D(int Y) { } delegate E F();")]
    [InlineData("sealed class A<T> where T : struct { T F() { return new T { }; } } file sealed class B { }")]
    [InlineData("static class A { const string S = \"class B {\"; /* class C { } */ }")]
    public void A_file_of_one_type_with_its_vocabulary_passes(string text) =>
        Assert.Empty(TidyRules.OneTypeNamedAsTheFile(At("engine/A.cs", "namespace Cstor.Engine;\n" + text)));

    [Fact]
    public void A_namespace_other_than_the_path_is_found()
    {
        const string Path = "pool-layout/Log/A.cs";
        Assert.Empty(TidyRules.NamespaceIsPath(At(Path, "namespace Cstor.PoolLayout.Log;")));
        Assert.Single(TidyRules.NamespaceIsPath(At(Path, "namespace Cstor.PoolLayout;")));
    }

    [Theory]
    [InlineData("// TO" + "DO: later")]
    [InlineData("throw new NotImplemented" + "Exception();")]
    public void Unfinished_work_is_found(string text) =>
        Assert.Single(TidyRules.NothingIsUnfinished(At("engine/A.cs", text)));

    [Fact]
    public void A_region_is_found() =>
        Assert.Single(TidyRules.NoRegions(At("engine/A.cs", "  #region" + " x")));

    [Fact]
    public void A_test_skipped_for_good_is_found() =>
        Assert.Single(TidyRules.NoTestIsSkippedForGood(At("tests/A.cs", "[Fact(Ski" + "p = \"flaky\")]")));

    [Theory]
    [InlineData("see /ho" + "me/someone/notes")]
    [InlineData("written by an A" + "I assistant")]
    public void Foreign_words_are_found(string text) =>
        Assert.Single(TidyRules.SpeaksOfItselfAlone(At("docs/a.md", text)));

    [Theory]
    [InlineData("private static int _count;")]
    [InlineData("internal static int[] Table = [1, 2];")]
    [InlineData("private static readonly Dictionary<int, int> Map = new() { };")]
    [InlineData("public static string Name { get; set; } = \"\";")]
    [InlineData("[ThreadStatic]\nprivate static object? _cache;")]
    public void Static_mutable_state_is_found(string member) =>
        Assert.Single(TidyRules.NoStaticMutableState(InClass(member)));

    [Theory]
    [InlineData("private const int Count = 3;")]
    [InlineData("private static readonly int[] Table = [1, 2];")]
    [InlineData("private static int Count => 3;")]
    [InlineData("public static int Zero { get; } = 0;")]
    [InlineData("public static int Add(int a, int b = 2) { int c = a; return c + b; }")]
    [InlineData("private int _count; public string Name { get; set; } = \"static int x;\";")]
    [InlineData("public static A operator +(A a, A b) => a;")]
    public void Constants_methods_and_instance_state_pass(string member) =>
        Assert.Empty(TidyRules.NoStaticMutableState(InClass(member)));

    [Fact]
    public void A_lifted_ban_is_found_outside_the_seam()
    {
        const string Text = "#pragma warning disable RS0030";
        Assert.Single(TidyRules.BanIsLiftedOnlyAtTheSeam(At("engine/Pool.cs", Text)));
        Assert.Empty(TidyRules.BanIsLiftedOnlyAtTheSeam(At("engine/Host/Linux/Ring.cs", Text)));
    }

    [Fact]
    public void A_reference_upward_is_found()
    {
        const string Reference =
            "<Project><ProjectReference Include=\"../engine/Cstor.Engine.csproj\" /></Project>";
        Assert.Empty(ProjectRules.ReferencesGoDown(At("target/T.csproj", Reference)));
        Assert.Single(ProjectRules.ReferencesGoDown(At("raid/R.csproj", Reference)));
        Assert.Single(ProjectRules.SeamIsWatched(At("raid/R.csproj", Reference)));
    }

    [Theory]
    [InlineData("see [this](no-such-file.md)")]
    [InlineData("run `deploy/no-such-file.sh`")]
    [InlineData("run `make no-such-target`")]
    public void A_document_that_names_what_is_not_there_is_found(string text) =>
        Assert.Single(DocumentRules.NamesExist(At("docs/a.md", text)));

    [Theory]
    [InlineData("echo hello")]
    public void A_careless_script_is_found(string text) =>
        Assert.Equal(2, DocumentRules.ScriptIsSafe(At("deploy/no-such-script.sh", text)).Count());

    private static SourceFile At(string path, string text) => new(path, text);

    private static SourceFile InClass(string member) =>
        At("engine/A.cs", "namespace Cstor.Engine;\n\ninternal sealed class A\n{\n" + member + "\n}\n");
}
