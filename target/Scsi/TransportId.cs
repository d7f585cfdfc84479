using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Cstor.Target.Scsi;

/// <summary>
/// TransportIDs of iSCSI initiator ports, SPC-4 §7.6.4.6: a header of four bytes, and the port's name with
/// its ISID. Names are compared in one spelling, with the ISID in lower case and twelve digits.
/// </summary>
internal static class TransportId
{
    /// <summary>Longest one written: the header, a name of 223 bytes and its ISID.</summary>
    public const int MaximumBytes = 260;

    private const int HeaderBytes = 4;
    private const byte ProtocolIscsi = 0x05;
    private const byte FormatWithIsid = 0x40;
    private const string IsidMark = ",i,0x";

    /// <summary>Writes one, padded to four bytes and at least twenty of them.</summary>
    public static int Write(string portName, Span<byte> to)
    {
        int nameBytes = Encoding.UTF8.GetBytes(portName, to[HeaderBytes..(MaximumBytes - HeaderBytes)]);
        int paddedBytes = Math.Max(20, (nameBytes + 4) / 4 * 4);
        to[0] = FormatWithIsid | ProtocolIscsi;
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], (ushort)paddedBytes);
        return HeaderBytes + paddedBytes;
    }

    /// <summary>Reads one of an initiator port.</summary>
    /// <param name="from">Begins with it.</param>
    /// <param name="portName">The port, as <see cref="Nexus.PortName"/> spells it.</param>
    /// <param name="lengthBytes">What it takes.</param>
    /// <returns>False if it is cut off, of another kind, or names a whole initiator.</returns>
    public static bool TryRead(ReadOnlySpan<byte> from, out string portName, out int lengthBytes)
    {
        portName = "";
        lengthBytes = 0;
        if (from.Length < HeaderBytes || from[0] != (FormatWithIsid | ProtocolIscsi)) return false;
        int additional = BinaryPrimitives.ReadUInt16BigEndian(from[2..]);
        if (additional < 20 || additional % 4 != 0 || from.Length < HeaderBytes + additional) return false;
        lengthBytes = HeaderBytes + additional;
        ReadOnlySpan<byte> bytes = from[HeaderBytes..lengthBytes];
        int end = bytes.IndexOf((byte)0);
        string text = Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
        int mark = text.IndexOf(IsidMark, StringComparison.OrdinalIgnoreCase);
        if (mark <= 0 || text.Take(mark).Any(static c => c is <= ' ' or '@') || !ulong.TryParse(
            text.AsSpan(mark + IsidMark.Length), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out ulong isid) || isid >> 48 != 0)
            return false;
        portName = Nexus.NameOfPort(text[..mark], isid);
        return true;
    }
}
