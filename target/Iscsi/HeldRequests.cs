using System.Diagnostics.CodeAnalysis;
using Cstor.Engine.Host;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Requests inside the window but not next. On one connection only an initiator out of order brings any;
/// their number is bounded by the window.
/// </summary>
internal sealed class HeldRequests
{
    private readonly Dictionary<uint, HeldRequest> _byCmdSn = [];

    public int Count => _byCmdSn.Count;

    public bool Contains(uint cmdSn) => _byCmdSn.ContainsKey(cmdSn);

    public void Add(PduHeader header, IscsiTask? task, IoBuffer? payload, int payloadBytes) =>
        _byCmdSn.Add(header.CmdSn,
            new HeldRequest(header.CmdSn, header.Bytes.ToArray(), task, payload, payloadBytes));

    /// <summary>A number whose command will not come, unless it is here already.</summary>
    public void AddAborted(uint cmdSn) =>
        _byCmdSn.TryAdd(cmdSn, new HeldRequest(cmdSn, NopOut(cmdSn), null, null, 0));

    public bool TryTake(uint cmdSn, [NotNullWhen(true)] out HeldRequest? request) =>
        _byCmdSn.Remove(cmdSn, out request);

    /// <summary>The task ended before its turn; its number still counts as received.</summary>
    public void Forget(IscsiTask task)
    {
        if (!_byCmdSn.TryGetValue(task.CmdSn, out HeldRequest? held) ||
            !ReferenceEquals(held.Task, task)) return;
        _byCmdSn[task.CmdSn] = held with { Task = null, Header = NopOut(task.CmdSn) };
    }

    /// <summary>Empties it; returns the payloads to give back.</summary>
    public List<IoBuffer> Clear()
    {
        var payloads = new List<IoBuffer>();
        foreach (HeldRequest held in _byCmdSn.Values)
            if (held.Payload is not null) payloads.Add(held.Payload);
        _byCmdSn.Clear();
        return payloads;
    }

    /// <summary>A NOP-Out that wants no answer stands in for the task.</summary>
    private static byte[] NopOut(uint cmdSn)
    {
        byte[] header = new byte[PduHeader.LengthBytes];
        PduWriter.Start(header, IscsiOpcode.NopOut, 0x80, PduHeader.NoTag);
        PduWriter.SetTransferTag(header, PduHeader.NoTag);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(24), cmdSn);
        return header;
    }
}
