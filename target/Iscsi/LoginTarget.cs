namespace Cstor.Target.Iscsi;

/// <summary>What the directory says to a login.</summary>
/// <param name="Status">Success, or why not.</param>
/// <param name="Target">The target, if there is one of that name here.</param>
/// <param name="Elsewhere">Where the initiator is to go instead, with a status of redirection.</param>
internal readonly record struct LoginTarget(
    LoginStatus Status, TargetNode? Target = null, Redirection? Elsewhere = null);
