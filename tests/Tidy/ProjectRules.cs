using System.Xml.Linq;

namespace Cstor.Tests.Tidy;

/// <summary>Rules on project files.</summary>
internal static class ProjectRules
{
    private static readonly string[] Layers = ["pool-layout", "raid", "engine", "target", "daemon", "tests"];

    /// <summary>A project refers only to projects of lower layers.</summary>
    public static IEnumerable<string> ReferencesGoDown(SourceFile project)
    {
        int layer = Array.IndexOf(Layers, project.TopFolder);
        if (layer < 0) yield return $"{project.Path}: belongs to no layer";
        foreach (XElement reference in XDocument.Parse(project.Text).Descendants("ProjectReference"))
        {
            string target = reference.Attribute("Include")!.Value.Replace('\\', '/');
            string folder = target.Replace("../", "", StringComparison.Ordinal).Split('/')[0];
            int other = Array.IndexOf(Layers, folder);
            if (other < 0 || other >= layer) yield return $"{project.Path}: refers upward, to {target}";
        }
    }

    /// <summary>Every layer below the daemon has the banned list switched on.</summary>
    public static IEnumerable<string> SeamIsWatched(SourceFile project)
    {
        int layer = Array.IndexOf(Layers, project.TopFolder);
        bool watched = XDocument.Parse(project.Text).Descendants("UsesHostSeam")
            .Any(use => use.Value == "true");
        if (layer < Array.IndexOf(Layers, "daemon") && !watched)
        {
            yield return $"{project.Path}: UsesHostSeam is not true";
        }
    }
}
