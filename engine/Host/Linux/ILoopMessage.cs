namespace Cstor.Engine.Host.Linux;

/// <summary>Something that another thread sends to a loop.</summary>
internal interface ILoopMessage
{
    /// <summary>Runs on the loop.</summary>
    void Deliver();
}
