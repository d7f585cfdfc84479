namespace Cstor.Target.Iscsi;

/// <summary>What an asynchronous message says, RFC 7143 §11.9.1.</summary>
internal enum AsyncEvent : byte
{
    LogoutRequested = 1,
    ConnectionDropped = 2,
}
