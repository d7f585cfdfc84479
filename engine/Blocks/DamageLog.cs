using Cstor.Engine.Pools;

namespace Cstor.Engine.Blocks;

/// <summary>Damage found since import, by kind: what <c>pool status</c> shows.</summary>
internal sealed class DamageLog
{
    private readonly Row[] _rows = new Row[Enum.GetValues<DamageKind>().Length];

    /// <summary>Notes a damaged copy.</summary>
    /// <param name="kind">What it was.</param>
    /// <param name="where">Where, for people.</param>
    /// <param name="repaired">It was rewritten from a good copy.</param>
    public void Note(DamageKind kind, string where, bool repaired)
    {
        ref Row row = ref _rows[(int)kind];
        row.Where = where;
        row.Count++;
        if (repaired) row.Repaired++;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => Array.Clear(_rows);

    public IReadOnlyList<DamageReport> Report()
    {
        List<DamageReport> reports = [];
        foreach (DamageKind kind in Enum.GetValues<DamageKind>())
        {
            Row row = _rows[(int)kind];
            if (row.Count > 0)
                reports.Add(new DamageReport(kind.ToString().ToLowerInvariant(), row.Where, row.Count,
                    row.Repaired));
        }

        return reports;
    }

    private struct Row
    {
        public string Where;
        public long Count;
        public long Repaired;
    }
}
