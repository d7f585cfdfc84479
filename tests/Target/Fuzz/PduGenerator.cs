using System.Buffers.Binary;
using System.Text;

namespace Cstor.Tests.Target.Fuzz;

/// <summary>PDUs of every kind, plausible where it counts: numbers, tags, lengths, answers.</summary>
internal sealed class PduGenerator(Random random)
{
    private static readonly string[] Keys =
    [
        "InitiatorName", "TargetName", "SessionType", "AuthMethod", "CHAP_A", "CHAP_N", "CHAP_R", "CHAP_I",
        "CHAP_C", "HeaderDigest", "DataDigest", "MaxConnections", "InitialR2T", "ImmediateData",
        "MaxRecvDataSegmentLength", "MaxBurstLength", "FirstBurstLength", "DefaultTime2Wait",
        "DefaultTime2Retain", "MaxOutstandingR2T", "DataPDUInOrder", "DataSequenceInOrder",
        "ErrorRecoveryLevel", "iSCSIProtocolLevel", "TaskReporting", "SendTargets", "X-fuzz", "IFMarkInt",
        "OFMarker", "InitiatorAlias",
    ];

    private static readonly string[] Values =
    [
        "Yes", "No", "None", "CHAP", "CHAP,None", "CRC32C,None", "All", "0", "1", "5", "5,7", "0x7", "512",
        "262144", "16777215", "99999999999", "-1", "", "iqn.test:one", TargetFixture.Iqn, "Discovery",
        "Normal", "0b====", "0x0123456789abcdef0123456789abcdef", "a,b,c", "\u00ff", "Reject", "Irrelevant",
    ];

    /// <summary>The next PDU of a session in its full-feature phase, as bytes on the wire.</summary>
    public byte[] Next(FuzzPeer peer)
    {
        Pdu pdu = random.Next(100) switch
        {
            < 50 => Command(peer),
            < 72 => peer.Transfers.Count > 0 ? DataOut(peer) : Command(peer),
            < 78 => Any(peer, 0x00),
            < 84 => TaskManagement(peer),
            < 90 => Text(peer),
            < 91 => Any(peer, 0x10),
            < 92 => Any(peer, random.Next(200) == 0 ? (byte)0x06 : (byte)0x10),
            < 93 => Any(peer, random.Next(50) == 0 ? (byte)0x03 : (byte)0x1f),
            < 95 => Any(peer, 0x05),
            _ => Any(peer, (byte)random.Next(64)),
        };
        if (random.Next(40) == 0) pdu.Ahs = Bytes(random.Next(64) * 4);
        byte[] bytes = pdu.ToBytes(peer.HasDigests, peer.HasDigests);
        if (random.Next(12) == 0 && !peer.HasDigests) Mutate(bytes);
        if (peer.HasDigests && pdu.Data.Length > 0 && random.Next(50) == 0) bytes[^1] ^= 1;
        return bytes;
    }

    /// <summary>A step of a login, with keys that belong there or not.</summary>
    public byte[] Login(int step)
    {
        int stage = random.Next(6) == 0 ? random.Next(4) : step == 0 ? random.Next(2) : 1;
        int next = random.Next(4) == 0 ? random.Next(4) : stage == 0 ? 1 : 3;
        int flags = stage << 2 | (random.Next(3) > 0 ? 0x80 : 0) | (random.Next(10) == 0 ? 0x40 : 0) | next;
        var pdu = new Pdu(random.Next(50) == 0 ? (byte)0x44 : (byte)0x43, (byte)flags);
        if (random.Next(40) == 0) pdu.Header[3] = 1;
        pdu[8] = 0x80000000;
        pdu[12] = random.Next(12) == 0 ? (uint)random.Next() : 0x00010000;
        var text = new StringBuilder();
        if (step == 0 && random.Next(8) > 0) Add(text, "InitiatorName", Of("iqn.test:one", "iqn.test:two"));
        if (step == 0 && random.Next(5) > 0)
        {
            string target = random.Next(12) == 0 ? "iqn.no:such" : Of(TargetFixture.Iqn, FuzzWorld.MovedIqn);
            Add(text, "TargetName", target);
        }

        if (step == 0 && random.Next(6) == 0) Add(text, "SessionType", Of("Discovery", "Odd"));
        if (stage == 0 && random.Next(2) == 0) Add(text, "AuthMethod", Of("CHAP,None", "CHAP"));
        for (int i = random.Next(6); i > 0; i--)
        {
            text.Append(Of(Keys)).Append('=').Append(Of(Values));
            if (random.Next(20) > 0) text.Append('\0');
        }

        pdu.Data = Encoding.UTF8.GetBytes(text.ToString());
        if (pdu.Data.Length > 0 && random.Next(12) == 0) pdu.Data[random.Next(pdu.Data.Length)] ^= 0x41;
        return pdu.ToBytes();
    }

    private Pdu Command(FuzzPeer peer)
    {
        byte[] cdb = CdbGenerator.Next(random);
        int takes = CdbGenerator.DataOutBytes(cdb);
        byte[] data = takes > 0 ? CdbGenerator.Data(random, cdb, takes) : [];
        bool fits = random.Next(5) > 0;
        int expected = random.Next(8) * 512 + random.Next(2) * random.Next(512);
        if (fits) expected = takes > 0 ? takes : 4096;
        int direction = fits ? (takes > 0 ? 0x20 : 0x40) : random.Next(4) << 5;
        int final = random.Next(10) == 0 ? 0 : 0x80;
        byte opcode = random.Next(10) == 0 ? (byte)0x41 : (byte)0x01;
        var pdu = new Pdu(opcode, (byte)(final | direction | Attribute()));
        pdu.TaskTag = random.Next(20) == 0 ? (uint)random.Next(1, 200) : peer.NextTag();
        if (random.Next(20) == 0) pdu[8] = (uint)random.Next();
        pdu[20] = (uint)expected;
        pdu[24] = CmdSn(peer);
        cdb.CopyTo(pdu.Header, 32);
        bool sendsData = (direction & 0x20) != 0 && random.Next(3) > 0;
        if (sendsData) pdu.Data = fits && random.Next(3) > 0 ? data : data[..random.Next(data.Length + 1)];
        return pdu;
    }

    /// <summary>What an R2T asked for, all of it or not quite.</summary>
    private Pdu DataOut(FuzzPeer peer)
    {
        int which = random.Next(peer.Transfers.Count);
        (uint tag, byte[] request) = peer.Transfers[which];
        peer.Transfers.RemoveAt(which);
        int length = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(44)), 262144u);
        if (random.Next(6) == 0) length = random.Next(length + 1);
        byte final = random.Next(12) == 0 ? (byte)0 : (byte)0x80;
        var pdu = new Pdu(0x05, final) { TaskTag = tag, Data = Bytes(length) };
        request.AsSpan(8, 8).CopyTo(pdu.Header.AsSpan(8));
        pdu[20] = BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(20));
        pdu[36] = random.Next(20) == 0 ? 1u : 0;
        pdu[40] = BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(40));
        if (random.Next(20) == 0) pdu[40] ^= 512;
        return pdu;
    }

    private Pdu TaskManagement(FuzzPeer peer)
    {
        int function = random.Next(13);
        if (function == 7 && random.Next(10) > 0) function = 2;
        var pdu = new Pdu((byte)(random.Next(3) == 0 ? 0x02 : 0x42), (byte)(0x80 | function));
        pdu.TaskTag = peer.NextTag();
        if (random.Next(10) == 0) pdu[8] = (uint)random.Next();
        pdu[20] = unchecked(peer.LastTag - (uint)random.Next(20));
        pdu[24] = CmdSn(peer);
        return pdu;
    }

    private Pdu Text(FuzzPeer peer)
    {
        byte flags = random.Next(4) switch { 0 => 0x40, 1 => 0, _ => 0x80 };
        var pdu = new Pdu((byte)(random.Next(2) == 0 ? 0x04 : 0x44), flags) { TaskTag = peer.NextTag() };
        pdu[20] = random.Next(3) == 0 ? peer.TextTag : random.Next(10) == 0 ? 77 : uint.MaxValue;
        pdu[24] = CmdSn(peer);
        string text = random.Next(2) == 0 ? $"SendTargets={Of("All", "", TargetFixture.Iqn)}\0" : "";
        for (int i = random.Next(3); i > 0; i--) text += $"{Of(Keys)}={Of(Values)}\0";
        pdu.Data = Encoding.UTF8.GetBytes(text);
        return pdu;
    }

    /// <summary>All fields by chance, some of them close to what is expected.</summary>
    private Pdu Any(FuzzPeer peer, byte opcode)
    {
        var pdu = new Pdu((byte)(opcode | (random.Next(3) == 0 ? 0x40 : 0)), (byte)random.Next(256));
        if (opcode == 0x02 && (pdu.Flags & 0x7f) == 7) pdu.Header[1] = 0x86;
        pdu.TaskTag = random.Next(2) == 0 ? peer.LastTag : peer.NextTag();
        if (random.Next(4) == 0) pdu.TaskTag = uint.MaxValue;
        if (random.Next(10) == 0) random.NextBytes(pdu.Header.AsSpan(8, 8));
        pdu[20] = unchecked((uint)random.Next(-1, 8));
        pdu[24] = CmdSn(peer);
        random.NextBytes(pdu.Header.AsSpan(32));
        pdu.Data = Bytes(random.Next(30) == 0 ? random.Next(70_000) : random.Next(2) * random.Next(600));
        return pdu;
    }

    /// <summary>Any bits of the header but its lengths, by which the next PDU is found.</summary>
    private void Mutate(byte[] bytes)
    {
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int at = random.Next(48);
            if (at is < 4 or > 7) bytes[at] ^= (byte)(1 << random.Next(8));
        }

        bool isLoginOrReset = (bytes[0] & 0x3f) is 0x03 or 0x06 or 0x02;
        if (isLoginOrReset && random.Next(20) > 0) bytes[0] = 0x40;
    }

    private uint CmdSn(FuzzPeer peer) => random.Next(25) switch
    {
        0 => (uint)random.Next(),
        1 => peer.ExpCmdSn + (uint)random.Next(200),
        _ => peer.ExpCmdSn,
    };

    private int Attribute() => random.Next(6) == 0 ? random.Next(8) : 1;

    private static void Add(StringBuilder text, string key, string value) =>
        text.Append(key).Append('=').Append(value).Append('\0');

    private string Of(params string[] choices) => choices[random.Next(choices.Length)];

    private byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        if (random.Next(2) == 0) FuzzNoise.Fill(random, bytes);
        return bytes;
    }
}
