using Cstor.Engine.Host;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Takes PDUs from the receiver in two steps, so that a data segment is received straight into where it
/// belongs. Either step returns false to end the connection, having said why.
/// </summary>
internal interface IPduHandler
{
    /// <summary>
    /// The header has arrived. Names where the data segment goes; what does not fit there is received and
    /// dropped.
    /// </summary>
    bool BeginPdu(PduHeader header, out IoSlice destination);

    /// <summary>
    /// The data segment has arrived too. <paramref name="dataIntact"/> is false when its digest did not
    /// match.
    /// </summary>
    bool EndPdu(PduHeader header, bool dataIntact);
}
