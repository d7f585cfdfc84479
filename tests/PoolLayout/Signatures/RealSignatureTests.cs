using System.Diagnostics;
using Cstor.PoolLayout.Signatures;
using Xunit;

namespace Cstor.Tests.PoolLayout.Signatures;

/// <summary>What the tools themselves write, on sparse files.</summary>
public sealed class RealSignatureTests : IDisposable
{
    private const long ImageBytes = 512L << 20;

    private readonly string _image = Path.GetTempFileName();

    public void Dispose() => File.Delete(_image);

    [ToolFact("mkfs.ext2", "e2fsprogs")]
    public void Ext2_is_named() => Assert.Equal("an ext2 file system", After("mkfs.ext2", "-q -F"));

    [ToolFact("mkfs.ext3", "e2fsprogs")]
    public void Ext3_is_named() => Assert.Equal("an ext3 file system", After("mkfs.ext3", "-q -F"));

    [ToolFact("mkfs.ext4", "e2fsprogs")]
    public void Ext4_is_named() => Assert.Equal("an ext4 file system", After("mkfs.ext4", "-q -F"));

    [ToolFact("mkfs.ext4", "e2fsprogs")]
    public void An_external_journal_is_named() =>
        Assert.Equal("a journal of an ext4 file system", After("mkfs.ext4", "-q -F -O journal_dev"));

    [ToolFact("mkfs.xfs", "xfsprogs")]
    public void Xfs_is_named() => Assert.Equal("an XFS file system", After("mkfs.xfs", "-q -f"));

    [ToolFact("mkswap", "util-linux")]
    public void Swap_is_named() => Assert.Equal("a swap area", After("mkswap", "-q"));

    [ToolFact("mkfs.btrfs", "btrfs-progs")]
    public void Btrfs_is_named() => Assert.Equal("a btrfs file system", After("mkfs.btrfs", "-q -f"));

    [ToolFact("mkfs.vfat", "dosfstools")]
    public void Fat_is_named()
    {
        Assert.Equal("a FAT file system", After("mkfs.vfat", "-F 32"));
        Assert.Equal("a FAT file system", After("mkfs.vfat", "-F 16"));
    }

    [ToolFact("mkfs.exfat", "exfatprogs")]
    public void ExFat_is_named() => Assert.Equal("an exFAT file system", After("mkfs.exfat", ""));

    [ToolFact("mkfs.ntfs", "ntfs-3g")]
    public void Ntfs_is_named() => Assert.Equal("an NTFS file system", After("mkfs.ntfs", "-F -Q"));

    [ToolFact("mkfs.f2fs", "f2fs-tools")]
    public void F2fs_is_named() => Assert.Equal("an F2FS file system", After("mkfs.f2fs", "-f"));

    [ToolFact("cryptsetup", "cryptsetup-bin")]
    public void Luks_is_named()
    {
        const string format = "luksFormat -q --key-file /etc/hostname --pbkdf pbkdf2 --iter-time 10 --type";
        Assert.Equal("a LUKS1 encrypted volume", After("cryptsetup", $"{format} luks1"));
        Assert.Equal("a LUKS2 encrypted volume", After("cryptsetup", $"{format} luks2"));
    }

    [ToolFact("sfdisk", "fdisk")]
    public void Partition_tables_are_named()
    {
        Assert.Equal("a GPT partition table", After("sfdisk", "-q", "label: gpt\n,100M\n"));
        const string two = "an MBR partition table with 2 partitions";
        Assert.Equal(two, After("sfdisk", "-q", "label: dos\n,100M\n,\n"));
    }

    private void Clear()
    {
        using FileStream file = File.Open(_image, FileMode.Create);
        file.SetLength(ImageBytes);
    }

    private string? After(string tool, string arguments, string input = "")
    {
        Clear();
        ProcessStartInfo start = new(ToolFactAttribute.Find(tool)!, $"{arguments} {_image}")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(1)));
        Assert.True(process.ExitCode == 0, output.Result + errors);
        byte[] head = new byte[ForeignSignature.HeadBytes];
        byte[] tail = new byte[ForeignSignature.TailBytes];
        using FileStream file = File.OpenRead(_image);
        file.ReadExactly(head);
        file.Position = file.Length - tail.Length;
        file.ReadExactly(tail);
        return ForeignSignature.Detect(head, tail, file.Length);
    }
}
