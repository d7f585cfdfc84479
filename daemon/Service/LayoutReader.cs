using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;

namespace Cstor.Daemon.Service;

/// <summary>
/// A layout that came in by the API, in the engine's terms. What devices and pools allow is the engine's to
/// say.
/// </summary>
internal static class LayoutReader
{
    public static Outcome<VdevSpec[]> Read(VdevRequest[] vdevs)
    {
        List<VdevSpec> layout = [];
        foreach (VdevRequest vdev in vdevs)
        {
            if (KindOf(vdev.Kind) is not { } kind)
            {
                return new Fault(
                    "bad-request",
                    $"a vdev cannot be of kind '{vdev.Kind}'",
                    "Known are disk, mirror, raidz1, raidz2 and raidz3");
            }
            if (RoleOf(vdev.Role) is not { } role)
            {
                return new Fault(
                    "bad-request", $"a vdev cannot be for '{vdev.Role}'", "Known are data, log and spare");
            }
            if (vdev.Devices.FirstOrDefault(path => !Path.IsPathFullyQualified(path)) is { } relative)
            {
                return new Fault("bad-request", $"'{relative}' is not an absolute path", "Write one");
            }
            layout.Add(new VdevSpec(kind, vdev.Devices, role));
        }
        return layout.ToArray();
    }

    private static VdevKind? KindOf(string kind) => kind switch
    {
        "disk" => VdevKind.Disk,
        "mirror" => VdevKind.Mirror,
        "raidz1" => VdevKind.Raidz1,
        "raidz2" => VdevKind.Raidz2,
        "raidz3" => VdevKind.Raidz3,
        _ => null,
    };

    private static VdevRole? RoleOf(string role) => role switch
    {
        VdevRequest.Data => VdevRole.Data,
        VdevRequest.Log => VdevRole.Log,
        VdevRequest.Spare => VdevRole.Spare,
        _ => null,
    };
}
