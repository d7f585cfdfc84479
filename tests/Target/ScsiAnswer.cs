namespace Cstor.Tests.Target;

/// <summary>How a command ended, as the initiator saw it.</summary>
internal sealed record ScsiAnswer(byte Status, byte[] Data, byte[] Sense, byte Flags, uint Residual,
    int DataPdus)
{
    public bool IsGood => Status == 0;

    /// <summary>Key, code and qualifier as 0xKKCCQQ; 0 without sense.</summary>
    public int SenseCode => Sense.Length == 0 ? 0
        : Sense[0] % 0x80 >= 0x72 ? Sense[1] << 16 | Sense[2] << 8 | Sense[3]
        : (Sense[2] & 15) << 16 | Sense[12] << 8 | Sense[13];

    /// <summary>Byte named by the sense-key-specific field pointer, or -1.</summary>
    public int FieldByte => Sense.Length >= 18 && (Sense[15] & 0x80) != 0 ? Sense[16] << 8 | Sense[17] : -1;

    public bool IsOverflow => (Flags & 4) != 0;

    public bool IsUnderflow => (Flags & 2) != 0;
}
