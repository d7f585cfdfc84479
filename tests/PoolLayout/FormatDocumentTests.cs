using System.Globalization;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Records;
using Cstor.Tests.PoolLayout.Records;
using Cstor.Tests.Tidy;
using Xunit;

namespace Cstor.Tests.PoolLayout;

/// <summary>The tables of the format document are the structures.</summary>
public sealed class FormatDocumentTests
{
    private static readonly string Document =
        File.ReadAllText(Path.Combine(SourceTree.Root, "docs", "on-disk-format.md"));

    [Fact]
    public void Each_structure_has_its_table()
    {
        Same("LabelHeader", RecordFields.OfLabelHeader(RecordExamples.LabelBytes()));
        Same("Uberblock", RecordFields.Of(RecordExamples.Uberblock));
        Same("ScanRecord", RecordFields.Of(RecordExamples.Scan));
        Same("BlockPointer", RecordFields.Of(RecordExamples.Pointer));
        Same("DatasetRecord", RecordFields.Of(RecordExamples.Dataset));
        Same("SpaceLogHeader", RecordFields.Of(RecordExamples.SpaceHeader));
        Same("SpaceLogEntry", RecordFields.Of(RecordExamples.SpaceEntry));
        Same("LogGroupHeader", RecordFields.Of(default(LogGroupHeader)));
        Same("LogRecordHeader", RecordFields.Of(RecordExamples.RecordHeader));
        Same("LogWriteRecord", RecordFields.Of(RecordExamples.Write));
        Same("LogUnmapRecord", RecordFields.Of(RecordExamples.Unmap));
        Same("LogSnapshotRecord", RecordFields.Of(RecordExamples.Snapshot));
        Same("LogRollbackRecord", RecordFields.Of(RecordExamples.Rollback));
        Same("LogPartRecord", RecordFields.Of(RecordExamples.Part));
        Same("LogPositionRecord", RecordFields.Of(RecordExamples.Position));
    }

    [Fact]
    public void A_field_that_the_document_lacks_is_found()
    {
        List<FieldRow> rows = [.. RecordFields.Of(RecordExamples.SpaceEntry)];
        rows[1] = rows[1] with { Name = "sectors" };
        Assert.ThrowsAny<Exception>(() => Same("SpaceLogEntry", rows));
    }

    private static void Same(string structure, IReadOnlyList<FieldRow> rows)
    {
        int at = Document.IndexOf($"\n### {structure}\n", StringComparison.Ordinal);
        Assert.True(at >= 0, $"no section on {structure}");
        IEnumerable<(int, int, string)> table = Document[(at + 5)..]
            .Split("\n#")[0]
            .Split('\n')
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && char.IsAsciiDigit(line[2]))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => (Number(cells[1]), Number(cells[2]), cells[3]));
        Assert.Equal(rows.Select(row => (row.Offset, row.Bytes, row.Name)), table);
    }

    private static int Number(string cell) => int.Parse(cell, CultureInfo.InvariantCulture);
}
