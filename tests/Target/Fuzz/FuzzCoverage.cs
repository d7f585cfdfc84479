using Cstor.Target.Scsi;

namespace Cstor.Tests.Target.Fuzz;

/// <summary>
/// What the inputs reached: a command counts when its answer shows that it came past every check in front of
/// its handler; a PDU when it was sent, by either side.
/// </summary>
internal sealed class FuzzCoverage
{
    private static readonly int[] Requests = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10];

    private static readonly int[] Answers =
        [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f];

    private static readonly int[] Statuses =
        [0, 0x0101, 0x0200, 0x0201, 0x0202, 0x0203, 0x0205, 0x0207, 0x0209, 0x020a];

    private readonly Dictionary<CommandDescriptor, long> _good = [];
    private readonly long[] _requests = new long[64];
    private readonly long[] _answers = new long[64];
    private readonly HashSet<int> _functions = [];
    private readonly HashSet<int> _loginStatuses = [];
    private readonly HashSet<int> _rejects = [];

    public long Inputs { get; set; }

    public void Sent(int opcode) => _requests[opcode & 0x3f]++;

    public void Answered(int opcode) => _answers[opcode & 0x3f]++;

    /// <summary>
    /// A command ended. GOOD, CONDITION MET, a miscompare and complaints about parameter data come from its
    /// handler alone.
    /// </summary>
    public void Ended(CommandDescriptor row, int status, byte[] sense)
    {
        int code = sense.Length > 14 && (sense[2] & 0x7f) == 0x70 ? sense[14] : -1;
        if (status is 0 or 4 || code is 0x26 or 0x1a or 0x1d) _good[row] = _good.GetValueOrDefault(row) + 1;
    }

    public void Managed(int function) => _functions.Add(function);

    public void LoggedIn(int status) => _loginStatuses.Add(status);

    public void Rejected(int reason) => _rejects.Add(reason);

    /// <summary>What no input reached, in words.</summary>
    public IEnumerable<string> Missing()
    {
        foreach (CommandDescriptor row in CommandTable.All)
            if (!_good.ContainsKey(row)) yield return row.Name;
        foreach (int opcode in Requests)
            if (_requests[opcode] == 0) yield return $"request {opcode:x2}";
        foreach (int opcode in Answers)
            if (_answers[opcode] == 0) yield return $"answer {opcode:x2}";
        for (int function = 1; function <= 12; function++)
            if (!_functions.Contains(function)) yield return $"task management function {function}";
        foreach (int status in Statuses)
            if (!_loginStatuses.Contains(status)) yield return $"login status {status:x4}";
        foreach (int reason in new[] { 2, 3, 4, 5, 7 })
            if (!_rejects.Contains(reason)) yield return $"reject reason {reason}";
    }
}
