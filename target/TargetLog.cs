using Cstor.Target.Iscsi;
using Microsoft.Extensions.Logging;

namespace Cstor.Target;

/// <summary>What the target says in the log.</summary>
internal static partial class TargetLog
{
    [LoggerMessage(1, LogLevel.Information, "iSCSI target listens on {Portal}")]
    public static partial void Listening(ILogger logger, string portal);

    [LoggerMessage(2, LogLevel.Information, "{Initiator} at {Address} logged in to {Target}")]
    public static partial void LoggedIn(ILogger logger, string initiator, string address, string target);

    [LoggerMessage(3, LogLevel.Warning, "Login of {Initiator} at {Address} refused with {Status}: {Reason}")]
    public static partial void LoginRefused(
        ILogger logger, string initiator, string address, LoginStatus status, string reason);

    [LoggerMessage(4, LogLevel.Information, "{Initiator} at {Address}: connection ended: {Reason}")]
    public static partial void Ended(ILogger logger, string initiator, string address, string reason);

    [LoggerMessage(5, LogLevel.Warning, "{Initiator}: rejected {Opcode}: {Reason}")]
    public static partial void Rejected(ILogger logger, string initiator, IscsiOpcode opcode,
        RejectReason reason);

    [LoggerMessage(6, LogLevel.Information, "{Initiator}: task management function {Function}")]
    public static partial void TaskManagement(ILogger logger, string initiator, int function);

    [LoggerMessage(8, LogLevel.Information, "iSCSI target listens on {Portal} no more")]
    public static partial void NotListening(ILogger logger, string portal);

    [LoggerMessage(9, LogLevel.Information, "{Initiator} at {Address} was sent on: {Reason}")]
    public static partial void Redirected(ILogger logger, string initiator, string address, string reason);

    [LoggerMessage(7, LogLevel.Warning, "{Address}: connection refused: {Reason}")]
    public static partial void ConnectionRefused(ILogger logger, string address, string reason);
}
