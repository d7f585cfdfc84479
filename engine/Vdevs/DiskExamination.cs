using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>What stands on disks that nobody uses: why a pool would not take them unless forced.</summary>
public static class DiskExamination
{
    private const string NoAnswer = "does not answer";

    /// <summary>Looks at all of them at once and waits for none longer than for the others.</summary>
    /// <param name="loop">To look on.</param>
    /// <param name="paths">Devices; opened shared and only read.</param>
    /// <param name="patienceNanoseconds">Disks that have not answered by then do not.</param>
    /// <returns>The objection by path; none for a disk that may be taken.</returns>
    public static async ValueTask<IReadOnlyDictionary<string, string>> ObjectionsAsync(
        ILoop loop, IReadOnlyList<string> paths, long patienceNanoseconds)
    {
        Dictionary<string, string> objections = paths.ToDictionary(path => path, _ => NoAnswer);
        if (paths.Count == 0) return objections;
        TaskCompletionSource over = new();
        ILoopTimer timer = loop.CreateTimer(() => over.TrySetResult());
        timer.Start(patienceNanoseconds);
        int left = paths.Count;
        foreach (string path in paths) Examine(path);
        await over.Task;
        timer.Stop();
        return objections;

        async void Examine(string path)
        {
            Fault? objection = await DeviceAdmission.ObjectionAsync(loop, path);
            if (over.Task.IsCompleted) return;
            if (objection is null) objections.Remove(path);
            else objections[path] = WithoutPath(path, objection.Message);
            if (--left == 0) over.TrySetResult();
        }
    }

    private static string WithoutPath(string path, string message) =>
        message.StartsWith(path + ": ", StringComparison.Ordinal) ? message[(path.Length + 2)..] : message;
}
