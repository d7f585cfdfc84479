namespace Cstor.Engine.Checking;

/// <summary>What a whole-pool check found.</summary>
public sealed class CheckReport
{
    private const int KeptProblems = 100;

    private readonly List<string> _problems = [];

    /// <summary>Problems in words, the first hundred.</summary>
    public IReadOnlyList<string> Problems => _problems;

    public long ProblemCount { get; private set; }

    /// <summary>Blocks whose every copy was read and verified.</summary>
    public long Blocks { get; internal set; }

    /// <summary>Sectors that the durable root uses.</summary>
    public long Sectors { get; internal set; }

    public bool IsClean => ProblemCount == 0;

    internal void Add(string problem)
    {
        ProblemCount++;
        if (_problems.Count < KeptProblems) _problems.Add(problem);
    }

    public override string ToString() =>
        $"{Blocks} blocks, {Sectors} sectors, {ProblemCount} problems"
        + string.Concat(_problems.Select(static problem => "\n  " + problem));
}
