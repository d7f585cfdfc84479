using Cstor.Engine.Vdevs;

namespace Cstor.Daemon.Service;

/// <summary>
/// Who this host is, for the labels of its pools. The machine's own id where there is one; a container has
/// none, so it is then drawn once and kept in the state directory.
/// </summary>
internal static class HostIdentityFile
{
    /// <exception cref="IOException">The state directory cannot be read or written.</exception>
    public static HostIdentity Load(string stateDirectory, string machineIdPath = "/etc/machine-id")
    {
        string path = Path.Combine(stateDirectory, "host-id");
        if (File.Exists(path) && Guid.TryParse(File.ReadAllText(path).Trim(), out Guid kept))
        {
            return new HostIdentity(Environment.MachineName, kept);
        }
        Guid id = File.Exists(machineIdPath) && Guid.TryParse(
            File.ReadAllText(machineIdPath).Trim(), out Guid machine)
            ? machine
            : Guid.NewGuid();
        State.AtomicFile.Write(path, System.Text.Encoding.ASCII.GetBytes(id + "\n"));
        return new HostIdentity(Environment.MachineName, id);
    }
}
