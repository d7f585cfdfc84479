namespace Cstor.Engine.Blocks;

/// <summary>What was found damaged.</summary>
internal enum DamageKind
{
    Label,
    Uberblock,
    Node,
    Log,
    Space,
    Data,
}
