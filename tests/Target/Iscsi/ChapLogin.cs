using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cstor.Tests.Target.Iscsi;

/// <summary>The initiator's side of CHAP with MD5, as initiators do it.</summary>
internal static class ChapLogin
{
    /// <summary>Proves itself and logs in; the status class and detail.</summary>
    public static async ValueTask<int> LogInAsync(
        TestInitiator initiator, string user, string secret, string? target = TargetFixture.Iqn)
    {
        await SendProofAsync(initiator, user, secret, target);
        Pdu answer = await initiator.ExpectAsync(0x23);
        int status = answer.Header[36] << 8 | answer.Header[37];
        if (status != 0) return status;
        answer = await initiator.LoginStepAsync(1, 3, []);
        return answer.Header[36] << 8 | answer.Header[37];
    }

    /// <summary>Goes as far as the proof, and leaves its answer to be received.</summary>
    public static async ValueTask SendProofAsync(
        TestInitiator initiator, string user, string secret, string? target = TargetFixture.Iqn)
    {
        string what = target is null ? "SessionType=Discovery" : "TargetName=" + target;
        await initiator.LoginStepAsync(0, 1, ["InitiatorName=iqn.test:one", what, "AuthMethod=CHAP"]);
        await initiator.LoginStepAsync(0, -1, ["CHAP_A=5"]);
        byte[] challenge = Convert.FromHexString(initiator.Agreed["CHAP_C"][2..]);
        byte[] input = [(byte)int.Parse(initiator.Agreed["CHAP_I"]), .. Encoding.UTF8.GetBytes(secret),
            .. challenge];
#pragma warning disable CA5351 // The protocol's own choice.
        string proof = Convert.ToHexStringLower(MD5.HashData(input));
#pragma warning restore CA5351
        var pdu = new Pdu(0x43, 0x81);
        BinaryPrimitives.WriteUInt64BigEndian(pdu.Header.AsSpan(8), 0x800000000001UL << 16);
        pdu[24] = initiator.CmdSn;
        pdu[28] = initiator.ExpStatSn;
        pdu.Data = Encoding.ASCII.GetBytes($"CHAP_N={user}\0CHAP_R=0x{proof}\0");
        await initiator.SendAsync(pdu);
    }
}
