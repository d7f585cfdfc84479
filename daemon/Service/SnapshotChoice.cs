using Cstor.Daemon.Vocabulary;

namespace Cstor.Daemon.Service;

/// <summary>
/// Which snapshots of a volume are meant by a list of names and runs, and how they lie among the others: what
/// lies side by side is destroyed together, so that what only they share is counted.
/// </summary>
internal sealed class SnapshotChoice
{
    private readonly string[] _all;
    private readonly bool[] _isChosen;

    private SnapshotChoice(string[] all)
    {
        _all = all;
        _isChosen = new bool[all.Length];
    }

    /// <summary>Places of the chosen ones, the oldest first.</summary>
    public IEnumerable<int> Places => Enumerable.Range(0, _all.Length).Where(place => _isChosen[place]);

    /// <summary>First and last of each run of chosen neighbours.</summary>
    public IEnumerable<(string First, string Last)> Runs
    {
        get
        {
            for (int first = 0; first < _all.Length; first++)
            {
                if (!_isChosen[first]) continue;
                int last = first;
                while (last + 1 < _all.Length && _isChosen[last + 1]) last++;
                yield return (_all[first], _all[last]);
                first = last;
            }
        }
    }

    /// <summary>Finds what is meant.</summary>
    /// <param name="all">Names of all snapshots of the volume, the oldest first.</param>
    /// <param name="choices">Names, and runs <c>first%last</c>.</param>
    /// <param name="choice">What was chosen.</param>
    /// <returns>Why that is not possible, or null.</returns>
    public static string? Find(string[] all, IEnumerable<string> choices, out SnapshotChoice choice)
    {
        choice = new SnapshotChoice(all);
        foreach (string text in choices)
        {
            if (SnapshotNames.CheckChoice(text) is { } wrong) return wrong;
            string[] ends = text.Split(SnapshotNames.RunMark);
            string first = ends[0], last = ends[^1];
            int from = first.Length == 0 ? 0 : Array.IndexOf(all, first);
            int to = last.Length == 0 ? all.Length - 1 : Array.IndexOf(all, last);
            if (all.Length == 0) return "there are no snapshots";
            if (from < 0 || to < 0) return $"there is no snapshot '{(from < 0 ? first : last)}'";
            if (from > to) return $"'{first}' is newer than '{last}': write {last}%{first}";
            Array.Fill(choice._isChosen, true, from, to - from + 1);
        }
        return null;
    }
}
