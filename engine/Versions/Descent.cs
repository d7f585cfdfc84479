namespace Cstor.Engine.Versions;

/// <summary>How a walk goes on.</summary>
internal enum Descent
{
    /// <summary>Below these nodes.</summary>
    Enter,

    /// <summary>Behind them.</summary>
    Skip,

    /// <summary>Not at all.</summary>
    Stop,
}
