namespace Cstor.Tests.Host.Linux;

/// <summary>A loop device over a sparse file, for one test.</summary>
internal sealed class LoopDevice : IDisposable
{
    public LoopDevice(long sizeBytes, bool readOnly = false)
    {
        BackingFile = Path.Combine(AppContext.BaseDirectory, $"loop-{Guid.NewGuid():N}.img");
        using (FileStream file = File.Create(BackingFile)) file.SetLength(sizeBytes);
        string[] access = readOnly ? ["--read-only"] : [];
        try
        {
            DevicePath = Shell.Run("losetup", [.. access, "--find", "--show", "--direct-io=on", BackingFile]);
        }
        catch
        {
            File.Delete(BackingFile);
            throw;
        }
    }

    public string BackingFile { get; }

    public string DevicePath { get; }

    public void Dispose()
    {
        Shell.Run("losetup", "--detach", DevicePath);
        File.Delete(BackingFile);
    }
}
