using Cstor.Engine.Host;
using Cstor.Engine.Log;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;
using Cstor.Raid;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Log;

public sealed class HeaderSearchTests : IDisposable
{
    private const int ImageSectors = Layout.LogSegmentSectors;

    private readonly SimulatedMachine _machine = new(3);
    private readonly BufferPool _buffers;
    private readonly IoBuffer _image;

    public HeaderSearchTests()
    {
        _buffers = _machine.AddNode("node").CreateLoop().Buffers;
        _image = _buffers.Rent(ImageSectors * Layout.SectorBytes);
    }

    [Theory]
    [InlineData(VdevKind.Raidz1, 3)]
    [InlineData(VdevKind.Raidz1, 5)]
    [InlineData(VdevKind.Raidz2, 4)]
    [InlineData(VdevKind.Raidz2, 6)]
    [InlineData(VdevKind.Raidz3, 4)]
    [InlineData(VdevKind.Raidz3, 8)]
    public void A_header_is_found_whatever_columns_are_lost_with_it(VdevKind kind, int width)
    {
        VdevGeometry geometry = VdevGeometry.Create(kind, width, 10_000);
        SimulatedRandom random = SimulatedRandom.For(1, kind.ToString());
        for (int sectors = 1; sectors <= 32; sectors++)
        {
            LogGroupHeader written = WriteGroup(geometry, sectors, random);
            Assert.Equal(written.Checksum, Find(geometry, isThorough: false)?.Checksum);
            int columns = Math.Min(width, sectors + geometry.Parity);
            // The header's own column and as many others as parity allows.
            Spoil(geometry.Parity, width, random);
            for (int i = 1; i < geometry.Parity; i++) Spoil(random.Below(columns), width, random);
            Assert.Null(Find(geometry, isThorough: false));
            Assert.Equal(written.Checksum, Find(geometry, isThorough: true)?.Checksum);
        }
    }

    [Theory]
    [InlineData(VdevKind.Raidz1, 4)]
    [InlineData(VdevKind.Raidz2, 6)]
    public void Nothing_is_found_where_more_is_lost_than_parity_can_tell(VdevKind kind, int width)
    {
        VdevGeometry geometry = VdevGeometry.Create(kind, width, 10_000);
        SimulatedRandom random = SimulatedRandom.For(2, "lost");
        WriteGroup(geometry, 20, random);
        for (int column = 0; column <= geometry.Parity; column++) Spoil(column, width, random);
        Assert.Null(Find(geometry, isThorough: true));
    }

    public void Dispose()
    {
        _image.Release();
        _machine.Dispose();
    }

    private LogGroupHeader? Find(VdevGeometry geometry, bool isThorough)
    {
        ReadOnlySpan<byte> image = _image.Span[..(ImageSectors * Layout.SectorBytes)];
        return isThorough
            ? HeaderSearch.Computed(image, geometry, _buffers, static header => header.Sequence == 77)
            : HeaderSearch.AsItLies(image, geometry.Parity, static header => header.Sequence == 77);
    }

    private void Spoil(int column, int width, SimulatedRandom random)
    {
        for (int sector = column; sector < ImageSectors; sector += width)
            random.Fill(_image.Span.Slice(sector * Layout.SectorBytes, Layout.SectorBytes));
    }

    private LogGroupHeader WriteGroup(VdevGeometry geometry, int sectors, SimulatedRandom random)
    {
        random.Fill(_image.Span);
        byte[] group = new byte[sectors * Layout.SectorBytes];
        random.Fill(group);
        LogGroupHeader header = new()
        {
            Generation = 5,
            Sequence = 77,
            RecordBytes = (uint)(group.Length - LogGroupHeader.Bytes) & ~7U,
        };
        header.Seal(group, new byte[LogGroupHeader.Bytes]);
        Column[] columns = new Column[geometry.MaximumColumns];
        int count = geometry.Plan(0, sectors, columns);
        int longest = columns[geometry.Parity].SectorCount * Layout.SectorBytes;
        using IoBuffers parts = new(_buffers, count, longest);
        ColumnBytes[] bytes = new ColumnBytes[count];
        for (int i = 0; i < count; i++)
        {
            int length = columns[i].SectorCount * Layout.SectorBytes;
            bytes[i] = new ColumnBytes(parts[i].Slice.Address, i < geometry.Parity ? longest : length);
            if (i >= geometry.Parity)
                group.AsSpan(columns[i].Index * Layout.SectorBytes, length).CopyTo(parts[i].Span);
        }

        RaidzParity.Generate(bytes.AsSpan(geometry.Parity), bytes.AsSpan(0, geometry.Parity));
        for (int i = 0; i < count; i++)
            for (int row = 0; row < columns[i].SectorCount; row++)
                parts[i].Span.Slice(row * Layout.SectorBytes, Layout.SectorBytes).CopyTo(
                    _image.Span[((i + (row * geometry.Width)) * Layout.SectorBytes)..]);
        return header;
    }

    private sealed class IoBuffers(BufferPool pool, int count, int bytes) : IDisposable
    {
        private readonly IoBuffer[] _buffers = [.. Enumerable.Range(0, count).Select(_ => pool.Rent(bytes))];

        public IoBuffer this[int index] => _buffers[index];

        public void Dispose()
        {
            foreach (IoBuffer buffer in _buffers) buffer.Release();
        }
    }
}
