using Xunit;

namespace Cstor.Tests.Tidy;

/// <summary>
/// A profile says what it shows, and takes the device from outside: none names a disk of its own.
/// </summary>
public sealed class FioProfileTests
{
    [Fact]
    public void Each_profile_says_what_it_shows_and_takes_the_device_from_outside()
    {
        SourceFile[] profiles = [.. SourceTree.Files(".fio")];
        Assert.NotEmpty(profiles);
        Assert.All(profiles, profile =>
        {
            Assert.StartsWith("# Shows: ", profile.Text);
            Assert.Contains("filename=${DEVICE}\n", profile.Text);
            string text = profile.Text.Replace("DEVICE=/dev/sdX", "", StringComparison.Ordinal);
            Assert.DoesNotContain("/dev/", text);
            string effect = profile.Lines[1].Split('.')[0];
            Assert.Equal(Writes(profile) ? "# Overwrites the device" : "# Reads only", effect);
        });
    }

    private static bool Writes(SourceFile profile) =>
        profile.Lines.Any(line => line is "rw=write" or "rw=randwrite" or "rw=randrw");
}
