namespace Cstor.Raid;

/// <summary>Which rows a kernel computes: known when it is compiled, so no branch is left of it.</summary>
internal interface IRows
{
    static abstract bool P { get; }

    static abstract bool Q { get; }

    static abstract bool R { get; }
}
