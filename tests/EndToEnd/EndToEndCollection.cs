using Xunit;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// These tests run one after another: they share two processors with the daemons they start.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class EndToEndCollection
{
    public const string Name = "EndToEnd";

    /// <summary>Trait by which runs choose these tests.</summary>
    public const string Category = "EndToEnd";
}
