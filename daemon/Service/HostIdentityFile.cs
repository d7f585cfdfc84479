using System.Text;
using Cstor.Daemon.State;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;

namespace Cstor.Daemon.Service;

/// <summary>
/// Who this host is, for the labels of its pools. The machine's own id where there is one; a container has
/// none, so it is then drawn once and kept in the state directory.
/// </summary>
internal static class HostIdentityFile
{
    public static Outcome<HostIdentity> Load(string stateDirectory, string machineIdPath = "/etc/machine-id")
    {
        string path = Path.Combine(stateDirectory, "host-id");
        try
        {
            if (ReadId(path) is { } kept) return new HostIdentity(Environment.MachineName, kept);
            Guid id = ReadId(machineIdPath) ?? Guid.NewGuid();
            AtomicFile.Write(path, Encoding.ASCII.GetBytes(id + "\n"));
            return new HostIdentity(Environment.MachineName, id);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Fault(
                "state-dir", $"cannot keep this host's identity: {exception.Message}", "Correct " + path);
        }
    }

    private static Guid? ReadId(string path) =>
        File.Exists(path) && Guid.TryParse(File.ReadAllText(path).Trim(), out Guid id) ? id : null;
}
