using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Records;
using Xunit;

namespace Cstor.Tests.PoolLayout.Records;

/// <summary>
/// What the printer lists is what the structure is: every field with its offset, length and name, every other
/// byte as reserved. The golden text then fixes the numbers.
/// </summary>
public sealed class RecordLayoutTests
{
    private const DynamicallyAccessedMemberTypes Members =
        DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields;

    private static readonly Dictionary<Type, int> Sizes = new()
    {
        [typeof(byte)] = 1,
        [typeof(ushort)] = 2,
        [typeof(uint)] = 4,
        [typeof(ulong)] = 8,
        [typeof(long)] = 8,
        [typeof(Guid)] = 16,
        [typeof(Hash128)] = Unsafe.SizeOf<Hash128>(),
        [typeof(BlockPlace)] = Unsafe.SizeOf<BlockPlace>(),
        [typeof(BlockPointer)] = Unsafe.SizeOf<BlockPointer>(),
        [typeof(ScanRecord)] = Unsafe.SizeOf<ScanRecord>(),
        [typeof(LogRecordHeader)] = Unsafe.SizeOf<LogRecordHeader>(),
    };

    [Fact]
    public void Block_pointer() => Check<BlockPointer>(64, RecordFields.Of(RecordExamples.Pointer));

    [Fact]
    public void Uberblock() => Check<Uberblock>(4096, RecordFields.Of(RecordExamples.Uberblock));

    [Fact]
    public void Scan_record() => Check<ScanRecord>(104, RecordFields.Of(RecordExamples.Scan));

    [Fact]
    public void Log_group_header() => Check<LogGroupHeader>(128, RecordFields.Of(default(LogGroupHeader)));

    [Fact]
    public void Log_record_header() =>
        Check<LogRecordHeader>(8, RecordFields.Of(RecordExamples.RecordHeader));

    [Fact]
    public void Log_write_record() => Check<LogWriteRecord>(80, RecordFields.Of(RecordExamples.Write));

    [Fact]
    public void Log_unmap_record() => Check<LogUnmapRecord>(24, RecordFields.Of(RecordExamples.Unmap));

    [Fact]
    public void Log_part_record() => Check<LogPartRecord>(24, RecordFields.Of(RecordExamples.Part));

    [Fact]
    public void Log_position_record() =>
        Check<LogPositionRecord>(24, RecordFields.Of(RecordExamples.Position));

    [Fact]
    public void Space_log_header() => Check<SpaceLogHeader>(96, RecordFields.Of(RecordExamples.SpaceHeader));

    [Fact]
    public void Space_log_entry() => Check<SpaceLogEntry>(16, RecordFields.Of(RecordExamples.SpaceEntry));

    [Fact]
    public void Dataset_record() => Check<DatasetRecord>(4096, RecordFields.Of(RecordExamples.Dataset));

    private static void Check<[DynamicallyAccessedMembers(Members)] T>(
        int bytes, IReadOnlyList<FieldRow> rows)
        where T : unmanaged
    {
        Assert.Equal(bytes, Unsafe.SizeOf<T>());
        int end = 0;
        foreach (FieldRow row in rows)
        {
            Assert.Equal(end, row.Offset);
            end += row.Bytes;
        }

        Assert.Equal(bytes, end);
        const BindingFlags all = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        IEnumerable<(int Offset, int Bytes, string Name)> fields = typeof(T).GetFields(all).Select(field => (
            field.GetCustomAttribute<FieldOffsetAttribute>()!.Value, SizeOf(field), NameOf(field.Name)));
        Assert.Equal(
            fields.OrderBy(field => field.Offset),
            rows.Where(row => row.Name != "reserved").Select(row => (row.Offset, row.Bytes, row.Name)));
    }

    private static int SizeOf(FieldInfo field)
    {
        if (field.GetCustomAttribute<FixedBufferAttribute>() is { } buffer) return buffer.Length;
        Type type = field.FieldType.IsEnum ? Enum.GetUnderlyingType(field.FieldType) : field.FieldType;
        return Sizes[type];
    }

    /// <summary>"_birth", "LogPlace0" and the field behind the property "Place0".</summary>
    private static string NameOf(string field)
    {
        string name = field.StartsWith('<') ? field[1..field.IndexOf('>', StringComparison.Ordinal)] : field;
        return Words.Of(name.TrimStart('_'));
    }
}
