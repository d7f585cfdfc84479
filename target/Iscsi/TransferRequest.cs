namespace Cstor.Target.Iscsi;

/// <summary>An R2T under way.</summary>
/// <param name="TransferTag">Tag that the answering Data-Out PDUs carry.</param>
/// <param name="EndBytes">Offset at which it is fulfilled.</param>
internal readonly record struct TransferRequest(uint TransferTag, int EndBytes);
