using System.Globalization;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Target;
using Cstor.Target.Scsi;
using Xunit;

namespace Cstor.Tests.Target;

/// <summary>
/// Structure-aware random input: PDUs with plausible fields, login text made of real keys, CDBs of every
/// opcode. No input may crash, hang or leak (the fixture looks), and a well-behaved initiator beside it is
/// served all the while. CSTOR_FUZZ_INPUTS sets how many inputs.
/// </summary>
[Trait("Category", "Fuzz")]
public sealed class FuzzTests
{
    private static readonly int Inputs = int.Parse(
        Environment.GetEnvironmentVariable("CSTOR_FUZZ_INPUTS") ?? "20000", CultureInfo.InvariantCulture);

    private static readonly string[] Keys =
    [
        "InitiatorName", "TargetName", "SessionType", "AuthMethod", "CHAP_A", "CHAP_N", "CHAP_R", "CHAP_I",
            "CHAP_C",
        "HeaderDigest", "DataDigest", "MaxConnections", "InitialR2T", "ImmediateData",
            "MaxRecvDataSegmentLength",
        "MaxBurstLength", "FirstBurstLength", "DefaultTime2Wait", "MaxOutstandingR2T", "DataPDUInOrder",
        "ErrorRecoveryLevel", "TaskReporting", "SendTargets", "X-fuzz", "IFMarkInt",
    ];

    private static readonly string[] Values =
    [
        "Yes", "No", "None", "CHAP", "CHAP,None", "CRC32C,None", "All", "0", "1", "5", "0x7", "512", "262144",
        "16777215", "99999999999", "-1", "", "iqn.test:one", TargetFixture.Iqn, "Discovery", "Normal",
            "0b====",
        "0x0123456789abcdef0123456789abcdef", "a,b,c", "\u00ff",
    ];

    [Fact]
    public void Random_cdbs_of_every_opcode_are_all_answered() => CdbsAreAnswered(
        new MemoryVolume("tank/db", 64L * 1024 * 1024), Inputs / 2);

    [Fact]
    public void The_fuzzer_finds_a_planted_fault() => Assert.ThrowsAny<Exception>(
        () => CdbsAreAnswered(new FaultyVolume(), 20_000));

    [Fact]
    public void Random_pdus_hurt_nobody_but_their_sender()
    {
        int rounds = Math.Max(1, Inputs / 4000);
        for (int round = 0; round < rounds; round++)
        {
            var random = new Random(1000 + round);
            TargetFixture.Run(async (fixture, good) =>
            {
                TestInitiator bad = await fixture.LoggedInAsync("iqn.test:bad");
                for (int i = 0; i < 1000; i++)
                {
                    if (!await TrySendAsync(bad, RandomPdu(random, bad).ToBytes()))
                        bad = await fixture.LoggedInAsync("iqn.test:bad");
                    if (i % 50 == 0) Assert.True(
                        (await good.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096)).Status is 0 or 2 or 0x18);
                }
            }, new TargetFixture((ulong)round + 1));
        }
    }

    [Fact]
    public void Random_login_text_is_answered_or_refused()
    {
        int rounds = Math.Max(1, Inputs / 400);
        var random = new Random(5);
        for (int round = 0; round < rounds; round++)
        {
            ChapSettings? chap = round % 2 == 0 ? new ChapSettings("alice", "secret of alice") : null;
            using var fixture = new TargetFixture((ulong)round + 1, chap: chap);
            fixture.RunBare(async () =>
            {
                for (int i = 0; i < 20; i++)
                {
                    TestInitiator initiator = await fixture.ConnectAsync();
                    int steps = random.Next(1, 6);
                    for (int step = 0; step < steps; step++)
                        if (!await TrySendAsync(initiator, RandomLogin(random, step).ToBytes())) break;
                    initiator.Connection.Close();
                }
            });
        }
    }

    private static void CdbsAreAnswered(IBlockVolume volume, int inputs)
    {
        const int perRound = 1000;
        for (int round = 0; round * perRound < inputs; round++)
        {
            var random = new Random(round);
            TargetFixture.Run(async (_, initiator) =>
            {
                for (int i = 0; i < perRound; i++)
                {
                    byte[] cdb = RandomCdb(random);
                    int length = random.Next(4) == 0 ? 0
                        : random.Next(1, 8) * 512 + random.Next(2) * random.Next(512);
                    if (random.Next(2) == 0) await initiator.ReadAsync(cdb, length);
                    else await initiator.WriteAsync(cdb, RandomData(random, cdb, length),
                        random.Next(2) * 4096);
                }
            }, new TargetFixture((ulong)round + 1, volume: volume));
        }
    }

    /// <summary>
    /// Mostly within the usage mask of a real command, so that it gets past the first check.
    /// </summary>
    private static byte[] RandomCdb(Random random)
    {
        byte[] cdb = RandomBytes(random, 16);
        if (random.Next(20) == 0) return cdb;
        CommandDescriptor row = CommandTable.All[random.Next(CommandTable.All.Length)];
        for (int i = 0; i < 16; i++)
        {
            bool small = random.Next(3) > 0 && i > 1;
            byte mask = i < row.Usage.Length ? row.Usage[i] : (byte)0;
            cdb[i] = small && i < row.Usage.Length - 3 ? (byte)0 : (byte)(cdb[i] & mask);
        }

        cdb[0] = row.Opcode;
        if (row.ServiceAction >= 0) cdb[1] = (byte)(cdb[1] & 0xe0 | row.ServiceAction);
        return cdb;
    }

    /// <summary>All but a cold reset, which ends everybody's session as it should.</summary>
    private static Pdu RandomPdu(Random random, TestInitiator initiator)
    {
        byte[] opcodes = [0x00, 0x01, 0x01, 0x01, 0x02, 0x03, 0x04, 0x05, 0x05, 0x06, 0x10, 0x1f, 0x3f];
        int opcode = opcodes[random.Next(opcodes.Length)] | (random.Next(3) == 0 ? 0x40 : 0);
        if ((opcode & 0x3f) is 0x06 or 0x03 && random.Next(10) > 0) opcode = 0x01;
        byte flags = (byte)random.Next(256);
        bool isColdReset = (opcode & 0x3f) == 0x02 && (flags & 0x7f) == 7;
        var pdu = new Pdu((byte)opcode, isColdReset ? (byte)0x86
            : flags) { TaskTag = unchecked((uint)random.Next(-1, 6)) };
        if (random.Next(10) == 0) random.NextBytes(pdu.Header.AsSpan(8, 8));
        pdu[20] = unchecked((uint)random.Next(-1, random.Next(2) == 0 ? 8 : 100_000));
        pdu[24] = random.Next(5) == 0 ? (uint)random.Next() : initiator.CmdSn + (uint)random.Next(3);
        RandomCdb(random).CopyTo(pdu.Header, 32);
        if ((opcode & 0x3f) == 0x05)
        {
            pdu[36] = (uint)random.Next(3);
            pdu[40] = (uint)random.Next(3) * 512;
        }

        pdu.Data = RandomBytes(random, random.Next(3) == 0 ? random.Next(70_000) : random.Next(2) * 512);
        if (random.Next(10) == 0) pdu.Ahs = RandomBytes(random, random.Next(64) * 4);
        initiator.CmdSn = initiator.ExpCmdSn;
        return pdu;
    }

    private static Pdu RandomLogin(Random random, int step)
    {
        int stage = random.Next(4) == 0 ? random.Next(4) : step == 0 ? random.Next(2) : 1;
        byte flags = (byte)(stage << 2 | random.Next(2) * 0x80 | (random.Next(8) == 0 ? 0x40
            : 0) | random.Next(4));
        var pdu = new Pdu(random.Next(30) == 0 ? (byte)0x44 : (byte)0x43, flags);
        pdu[8] = 0x80000000;
        pdu[12] = random.Next(10) == 0 ? (uint)random.Next() : 0x00010000;
        var text = new System.Text.StringBuilder();
        if (step == 0 && random.Next(5) > 0)
            text.Append("InitiatorName=iqn.test:one\0TargetName=").Append(TargetFixture.Iqn).Append('\0');
        for (int i = random.Next(6); i > 0; i--)
        {
            text.Append(Keys[random.Next(Keys.Length)]).Append('=').Append(
                Values[random.Next(Values.Length)]);
            if (random.Next(20) > 0) text.Append('\0');
        }

        pdu.Data = System.Text.Encoding.UTF8.GetBytes(text.ToString());
        if (pdu.Data.Length > 0 && random.Next(10) == 0) pdu.Data[random.Next(pdu.Data.Length)] =
            (byte)random.Next(256);
        return pdu;
    }

    /// <summary>Sends, and takes what has come back; false when the target ended the connection.</summary>
    private static async ValueTask<bool> TrySendAsync(TestInitiator initiator, byte[] bytes)
    {
        using IDisposable buffer = new Rented(initiator.Loop, bytes, out IoSlice slice);
        return await initiator.Connection.SendAsync([slice]) && await initiator.DrainAsync();
    }

    /// <summary>
    /// Parameter lists that hold together, for commands that take one; else zeroes or noise.
    /// </summary>
    private static byte[] RandomData(Random random, byte[] cdb, int length)
    {
        if (cdb[0] == 0x42 && random.Next(4) > 0)
        {
            (byte[] unmap, byte[] list) = Cdb.Unmap(
                ((ulong)random.Next(1000), (uint)random.Next(100)), ((ulong)random.Next(200_000), 1));
            unmap.CopyTo(cdb, 0);
            return list;
        }

        if (cdb[0] != 0x5f || random.Next(4) == 0)
            return random.Next(2) == 0 ? new byte[length] : RandomBytes(random, length);
        cdb[8] = 24;
        byte[] keys = new byte[24];
        keys[7] = (byte)random.Next(3);
        keys[15] = (byte)random.Next(3);
        return keys;
    }

    private static byte[] RandomBytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private sealed class Rented : IDisposable
    {
        private readonly IoBuffer _buffer;

        public Rented(ILoop loop, byte[] bytes, out IoSlice slice)
        {
            _buffer = loop.Buffers.Rent(Math.Max(bytes.Length, 1));
            bytes.CopyTo(_buffer.Span);
            slice = _buffer.First(bytes.Length);
        }

        public void Dispose() => _buffer.Release();
    }

    /// <summary>Throws where a rare CDB leads: an unmap of an odd number of blocks.</summary>
    private sealed class FaultyVolume : IBlockVolume
    {
        private readonly MemoryVolume _inner = new("tank/db", 64L * 1024 * 1024);

        public Guid Id => _inner.Id;

        public string Name => _inner.Name;

        public long SizeBytes => _inner.SizeBytes;

        public int BlockSizeBytes => _inner.BlockSizeBytes;

        public bool IsReadOnly => false;

        public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into) =>
            _inner.ReadAsync(offsetBytes, into);

        public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable) =>
            _inner.WriteAsync(offsetBytes, from, durable);

        public ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes) =>
            lengthBytes / 512 % 2 == 1
                ? throw new InvalidOperationException("planted")
                : _inner.UnmapAsync(offsetBytes, lengthBytes);

        public ValueTask<IoStatus> FlushAsync() => _inner.FlushAsync();
    }
}
