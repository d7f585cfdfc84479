namespace Cstor.Engine.Host.Linux;

/// <summary>A request whose end nobody waits for.</summary>
internal sealed class IgnoredOperation : RingOperation
{
    public override void OnCompletion(int result, uint flags)
    {
    }
}
