using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// What names a unit and is short enough for a copy target descriptor, SPC-4 §7.8.6: its NAA, locally
/// assigned and folded from the volume's UUID, or that UUID itself.
/// </summary>
/// <param name="Type">Designator type: <see cref="Naa"/> or <see cref="Uuid"/>.</param>
/// <param name="High">The first eight bytes of the value: all of an NAA.</param>
/// <param name="Low">The rest of a UUID.</param>
internal readonly record struct UnitDesignator(byte Type, ulong High, ulong Low)
{
    public const byte Naa = 0x03;
    public const byte Uuid = 0x0a;
    public const int NaaBytes = 8;
    public const int UuidBytes = 18;

    public static UnitDesignator NaaOf(Guid volume)
    {
        (ulong high, ulong low) = Halves(volume);
        return new(Naa, ((high ^ low) & 0x0fff_ffff_ffff_ffff) | 0x3000_0000_0000_0000, 0);
    }

    public static UnitDesignator UuidOf(Guid volume)
    {
        (ulong high, ulong low) = Halves(volume);
        return new(Uuid, high, low);
    }

    public bool Names(Guid volume) => this == NaaOf(volume) || this == UuidOf(volume);

    /// <summary>Reads type, length and value from where a designator has its code set.</summary>
    public static bool TryRead(ReadOnlySpan<byte> from, out UnitDesignator designator)
    {
        designator = default;
        bool isUnits = (from[1] & 0x30) == 0;
        int type = from[1] & 0x0f;
        ReadOnlySpan<byte> value = from[4..];
        if (isUnits && type == Naa && from[3] == NaaBytes)
            designator = new(Naa, BinaryPrimitives.ReadUInt64BigEndian(value), 0);
        else if (isUnits && type == Uuid && from[3] == UuidBytes)
            designator = new(Uuid, BinaryPrimitives.ReadUInt64BigEndian(value[2..]),
                BinaryPrimitives.ReadUInt64BigEndian(value[10..]));
        return designator.Type != 0;
    }

    private static (ulong High, ulong Low) Halves(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        ulong high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        return (high, BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
    }
}
