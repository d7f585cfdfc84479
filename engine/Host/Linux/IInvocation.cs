namespace Cstor.Engine.Host.Linux;

/// <summary>A call that another thread awaits.</summary>
internal interface IInvocation
{
    /// <summary>The loop has ended before the call did.</summary>
    void Abandon(Exception reason);
}
