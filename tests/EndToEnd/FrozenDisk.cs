namespace Cstor.Tests.EndToEnd;

/// <summary>
/// A loop device over a file in a file system of its own. When that is frozen, the device's writes and
/// flushes hang as those of a disk that does not answer, until it is thawed.
/// </summary>
internal sealed class FrozenDisk : IDisposable
{
    private readonly string _mount;
    private bool _isFrozen;

    public FrozenDisk(DaemonFixture daemon)
    {
        string image = daemon.Disk("host.img");
        _mount = Path.Combine(daemon.Folder, "host");
        Directory.CreateDirectory(_mount);
        Tool.Check("mkfs.ext4", "-q", "-F", image);
        Tool.Check("mount", "-o", "loop", image, _mount);
        string file = Path.Combine(_mount, "disk.img");
        using (FileStream disk = new(file, FileMode.CreateNew)) disk.SetLength(512L << 20);
        DevicePath = Tool.Check("losetup", "--find", "--show", file).Trim();
    }

    public string DevicePath { get; }

    public void Freeze()
    {
        Tool.Check("sync", "-f", _mount);
        _isFrozen = true;
        Tool.Check("fsfreeze", "-f", _mount);
    }

    public void Thaw()
    {
        if (!_isFrozen) return;
        Tool.Check("fsfreeze", "-u", _mount);
        _isFrozen = false;
    }

    public void Dispose()
    {
        Thaw();
        Tool.Run("losetup", ["-d", DevicePath]);
        // The last to hold the device may be just about to end.
        for (int i = 0; i < 50 && Tool.Run("umount", [_mount]).ExitCode != 0; i++) Thread.Sleep(100);
    }
}
