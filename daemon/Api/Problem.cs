using Cstor.Engine.Host;

namespace Cstor.Daemon.Api;

/// <summary>Why a request failed: the body of every reply that is not 200.</summary>
/// <param name="Code">Stable, for programs.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Remedy">What to do next, or empty.</param>
internal sealed record Problem(string Code, string Message, string Remedy)
{
    public static Problem Of(Fault fault) => new(fault.Code, fault.Message, fault.Remedy);

    public Fault ToFault() => new(Code, Message, Remedy);
}
