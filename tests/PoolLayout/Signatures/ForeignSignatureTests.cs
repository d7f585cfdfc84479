using System.Buffers.Binary;
using System.Text;
using Cstor.PoolLayout.Signatures;
using Xunit;

namespace Cstor.Tests.PoolLayout.Signatures;

/// <summary>The bytes that tools which may not be here would write.</summary>
public sealed class ForeignSignatureTests
{
    private const long DeviceBytes = (64L << 20) + (3 * 4096);
    private const int K = 1024;

    private readonly byte[] _device = new byte[DeviceBytes];

    [Theory]
    [InlineData(0, "4C554B53BABE0001", "a LUKS1 encrypted volume")]
    [InlineData(0, "4C554B53BABE0002", "a LUKS2 encrypted volume")]
    [InlineData(16 * K, "534B554CBABE0002", "a LUKS2 encrypted volume (second header)")]
    [InlineData(3, "2D4656452D46532D", "a BitLocker volume")]
    [InlineData(4096 + 24, "C68573F64E1A45CA8265F57F48BA6D81", "a bcache device or a bcachefs file system")]
    [InlineData(4096 + 24, "C68573F666CE90A9D96A60CF803DF7EF", "a bcachefs file system")]
    [InlineData(-1024 * K + 24, "C68573F666CE90A9D96A60CF803DF7EF", "a bcachefs file system")]
    [InlineData(-4096 + 60, "8374026B", "DRBD metadata")]
    [InlineData(-4096 + 60, "8374026D", "DRBD metadata")]
    [InlineData(0, "FC4E2BA901000000", "a Linux RAID member (mdraid 1.1)")]
    [InlineData(4096, "FC4E2BA901000000", "a Linux RAID member (mdraid 1.2)")]
    [InlineData(-8192, "FC4E2BA901000000", "a Linux RAID member (mdraid 1.0)")]
    [InlineData((63 * K * K) + (960 * K), "FC4E2BA9000000005A000000", "a Linux RAID member (mdraid 0.90)")]
    [InlineData((63 * K * K) + (960 * K), "A92B4EFC000000000000005A", "a Linux RAID member (mdraid 0.90)")]
    [InlineData(64 * K + 0x40, "5F42485266535F4D", "a btrfs file system")]
    [InlineData(K, "1020F5F2", "an F2FS file system")]
    [InlineData(32 * K, "4A465331", "a JFS file system")]
    [InlineData(32 * K + 1, "4344303031", "an ISO 9660 file system")]
    [InlineData(64 * K + 0x34, "52654973457232467300", "a ReiserFS file system")]
    [InlineData(0, "68737173", "a squashfs file system")]
    [InlineData(1024 * K, "0DD001C0", "a VMFS volume")]
    [InlineData(64 * K, "01161970", "a GFS2 file system")]
    [InlineData(3, "4E54465320202020", "an NTFS file system")]
    [InlineData(3, "4558464154202020", "an exFAT file system")]
    [InlineData(512, "4546492050415254", "a GPT partition table")]
    [InlineData(4096, "4546492050415254", "a GPT partition table")]
    [InlineData(-512, "4546492050415254", "a backup GPT partition table")]
    [InlineData(-1024, "496E74656C20526169642049534D20436667205369672E2031", "a member of an Intel RAID")]
    [InlineData(16 * K, "4353544F524C4231", "a label of a cstor pool")]
    [InlineData((256 + 16) * K, "4353544F524C4231", "a label of a cstor pool")]
    [InlineData((64 * K * K) - (512 * K) + (16 * K), "4353544F524C4231", "a label of a cstor pool")]
    [InlineData((64 * K * K) - (256 * K) + (16 * K), "4353544F524C4231", "a label of a cstor pool")]
    public void Magic_bytes_are_found_where_they_belong(int offset, string bytes, string expected)
    {
        int at = offset >= 0 ? offset : (int)DeviceBytes + offset;
        Convert.FromHexString(bytes).CopyTo(_device, at);
        Assert.Equal(expected, Detect());
        _device[at] ^= 0x10;
        Assert.Null(Detect());
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(16384)]
    [InlineData(65536)]
    public void Swap_is_found_for_every_page_size(int pageBytes)
    {
        Put(pageBytes - 10, "SWAPSPACE2");
        Assert.Equal("a swap area", Detect());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(512)]
    [InlineData(1536)]
    public void An_lvm_label_is_found_in_each_of_its_sectors(int offset)
    {
        Put(offset, "LABELONE");
        Assert.Null(Detect());
        Put(offset + 24, "LVM2 001");
        Assert.Equal("an LVM physical volume", Detect());
    }

    [Theory]
    [InlineData(0)]
    [InlineData((64 << 20) - (256 << 10))]
    public void A_zfs_label_is_known_by_its_configuration_or_by_its_uberblocks(int label)
    {
        _device[label + (16 * K)] = 1;
        Put(label + (16 * K) + 20, "\0\0\0\u0007version\0");
        Assert.Equal("a ZFS label", Detect());
        _device.AsSpan().Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(_device.AsSpan(label + (132 * K)), 0x00BAB10C);
        Assert.Null(Detect());
        BinaryPrimitives.WriteUInt64LittleEndian(_device.AsSpan(label + (140 * K)), 0x00BAB10C);
        Assert.Equal("a ZFS label", Detect());
    }

    [Fact]
    public void A_fat_boot_sector_is_known_by_its_parameters()
    {
        Convert.FromHexString("EB3C906D6B66732E66617400020404000200020080F8800020").CopyTo(_device, 0);
        Put(510, "\u0055\u00AA");
        Assert.Equal("a FAT file system", Detect());
        _device[16] = 9;
        Assert.Null(Detect());
    }

    [Fact]
    public void An_mbr_counts_its_partitions_and_a_bare_boot_loader_is_none()
    {
        Put(510, "\u0055\u00AA");
        Assert.Null(Detect());
        Convert.FromHexString("80202100831BE18300080000F8FF1F00").CopyTo(_device, 446);
        Assert.Equal("an MBR partition table with 1 partition", Detect());
        Convert.FromHexString("00202100831BE18300080000F8FF1F00").CopyTo(_device, 462);
        Assert.Equal("an MBR partition table with 2 partitions", Detect());
        _device[462] = 7;
        Assert.Null(Detect());
        Convert.FromHexString("00202100EE1BE18301000000F8FF1F00").CopyTo(_device, 462);
        Assert.Equal("a GPT partition table", Detect());
    }

    [Fact]
    public void What_contains_is_named_before_what_is_contained()
    {
        Put(0, "XFSB\0\0\u0010\0");
        Assert.Equal("an XFS file system", Detect());
        Convert.FromHexString("FC4E2BA901000000").CopyTo(_device, DeviceBytes - 8192);
        Assert.Equal("a Linux RAID member (mdraid 1.0)", Detect());
    }

    [Fact]
    public void Zeroes_ones_and_noise_carry_nothing()
    {
        Assert.Null(Detect());
        _device.AsSpan().Fill(0xFF);
        Assert.Null(Detect());
        byte[] noise = new byte[ForeignSignature.HeadBytes + ForeignSignature.TailBytes];
        for (int seed = 0; seed < 40; seed++)
        {
            new Random(seed).NextBytes(noise);
            ReadOnlySpan<byte> all = noise;
            string? found = ForeignSignature.Detect(
                all[..ForeignSignature.HeadBytes], all[ForeignSignature.HeadBytes..], 1L << 40);
            Assert.True(found is null, $"seed {seed}: {found}");
        }
    }

    [Fact]
    public void Short_magic_numbers_need_their_surroundings()
    {
        Convert.FromHexString("53EF").CopyTo(_device, K + 56);
        Convert.FromHexString("3434").CopyTo(_device, K + 6);
        Put(K, "H+");
        Put(510, "\u0055\u00AA");
        Assert.Null(Detect());
    }

    [Fact]
    public void Small_devices_and_missing_ends_are_no_trouble()
    {
        foreach (int length in new[] { 0, 1, 511, 512, 4096, 65536, 300_000, 700_000 })
        {
            byte[] small = new byte[length];
            Assert.Null(ForeignSignature.Detect(small, small, length));
            Assert.Null(ForeignSignature.Detect([], [], length));
            if (length < 2048) continue;
            Encoding.Latin1.GetBytes("LABELONE").CopyTo(small, 512);
            Encoding.Latin1.GetBytes("LVM2 001").CopyTo(small, 512 + 24);
            Assert.Equal("an LVM physical volume", ForeignSignature.Detect(small, small, length));
        }
    }

    private void Put(int offset, string bytes) => Encoding.Latin1.GetBytes(bytes).CopyTo(_device, offset);

    private string? Detect() => ForeignSignature.Detect(
        _device.AsSpan(0, ForeignSignature.HeadBytes),
        _device.AsSpan(^ForeignSignature.TailBytes..),
        DeviceBytes);
}
