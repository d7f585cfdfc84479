using System.Reflection;

namespace Cstor.Daemon.Service;

/// <summary>The version set in the build properties.</summary>
internal static class ProgramVersion
{
    public static readonly string Text = Informational?.InformationalVersion.Split('+')[0] ?? "";

    private static AssemblyInformationalVersionAttribute? Informational =>
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
}
