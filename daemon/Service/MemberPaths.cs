using Cstor.Engine.Pools;

namespace Cstor.Daemon.Service;

/// <summary>
/// Which of a pool's devices an operator means. The pool may know a device by another of its names than the
/// one that was typed: <c>/dev/disk/by-id/...</c> instead of <c>/dev/sdb</c>.
/// </summary>
internal static class MemberPaths
{
    /// <param name="vdevs">The pool's tree.</param>
    /// <param name="typed">Path, last part of the path, or guid.</param>
    /// <returns>The pool's own path for what was typed; as it was typed where it says enough.</returns>
    public static string Resolve(IReadOnlyList<VdevStatus> vdevs, string typed)
    {
        if (!Path.IsPathFullyQualified(typed)) return typed;
        string[] members = [.. Leaves(vdevs).Select(leaf => leaf.Path)];
        if (members.Contains(typed)) return typed;
        string real = RealPath(typed);
        return Array.Find(members, path => path.Length > 0 && RealPath(path) == real) ?? typed;
    }

    /// <summary>The devices of a tree, in its order.</summary>
    public static IEnumerable<VdevStatus> Leaves(IEnumerable<VdevStatus> vdevs) => vdevs.SelectMany(
        vdev => vdev.Children.Count == 0 ? [vdev] : Leaves(vdev.Children));

    /// <summary>What a link in <c>/dev/disk</c> leads to.</summary>
    public static string RealPath(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return path;
        }
    }
}
