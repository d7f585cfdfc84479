using System.Security.Cryptography;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// The container image, made by the script as <c>make image</c> does: it is an OCI layout whose parts are
/// what their names say, and what is in it is enough to serve.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class ImageTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cstor-image-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RequiresFact]
    public void The_image_is_an_oci_layout_and_made_twice_is_the_same()
    {
        string layout = Make("a");
        JsonElement index = Json(Path.Combine(layout, "index.json"));
        JsonElement manifest = Blob(layout, Assert.Single(index.GetProperty("manifests").EnumerateArray()));
        JsonElement config = Blob(layout, manifest.GetProperty("config"));
        JsonElement layer = Assert.Single(manifest.GetProperty("layers").EnumerateArray());
        string packed = PathOf(layout, layer);
        Tool.Check("sh", "-c", $"gunzip -c '{packed}' > '{_folder}/layer.tar'");
        Assert.Equal(
            "sha256:" + DigestOf(Path.Combine(_folder, "layer.tar")),
            config.GetProperty("rootfs").GetProperty("diff_ids")[0].GetString());
        Assert.Equal(
            "/usr/local/bin/cstor", config.GetProperty("config").GetProperty("Entrypoint")[0].GetString());
        string[] files = [.. Tool.Check("tar", "-tf", Path.Combine(_folder, "layer.tar"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(path => !path.EndsWith('/'))];
        Assert.InRange(files.Length, 4, 10);
        Assert.Equal(
            DigestOf(Path.Combine(_folder, "a.tar")), DigestOf(Path.ChangeExtension(Make("b"), ".tar")));
    }

    [RequiresFact(Machine.Root, Machine.Loop, "podman", "runc", "qemu-io", "stdbuf")]
    public void A_privileged_container_is_killed_and_started_and_its_initiator_carries_on()
    {
        Make("image");
        string disk = Path.Combine(_folder, "disk");
        using (FileStream file = File.Create(disk)) file.SetLength(1L << 30);
        string device = Tool.Check("losetup", "--find", "--show", "--direct-io=on", disk).Trim();
        try
        {
            int port = DaemonFixture.FreePort();
            using Container container =
                new(_folder, Path.Combine(_folder, "image.tar"), "--iscsi", $"127.0.0.1:{port}");
            Assert.Contains(device, container.Cli("disk", "list"), StringComparison.Ordinal);
            container.Cli("pool", "create", "tank", device);
            container.Cli("volume", "create", "tank/v", "64M");
            string url = $"iscsi://127.0.0.1:{port}/{DaemonFixture.TargetName("tank/v")}/0";
            using (QemuIoSession initiator = new(url))
            {
                initiator.Send("write -f -P 0x5a 0 4M");
                initiator.WaitForWrites(1);
                container.KillAndStart();
                initiator.Send("write -f -P 0x5b 4M 1M");
                initiator.WaitForWrites(2);
            }

            Tool.Check("qemu-io", "-f", "raw", "-c", "read -P 0x5a 0 4M", "-c", "read -P 0x5b 4M 1M", url);
        }
        finally
        {
            Tool.Run("losetup", ["-d", device]);
        }
    }

    [RequiresFact(Machine.Root, "qemu-io", "chroot", "mknod")]
    public void What_is_in_the_image_serves_an_initiator_outside_and_again_after_a_kill()
    {
        string layout = Make("image");
        JsonElement index = Json(Path.Combine(layout, "index.json"));
        JsonElement manifest = Blob(layout, index.GetProperty("manifests")[0]);
        string root = Path.Combine(_folder, "root");
        Directory.CreateDirectory(root);
        Tool.Check("tar", "-xzf", PathOf(layout, manifest.GetProperty("layers")[0]), "-C", root);
        using (FileStream disk = File.Create(Path.Combine(root, "var/lib/cstor/disk")))
        {
            disk.SetLength(1L << 30);
        }

        // What every container gets from its runtime.
        Tool.Check("mknod", "-m", "666", Path.Combine(root, "dev/urandom"), "c", "1", "9");
        Tool.Check("mknod", "-m", "666", Path.Combine(root, "dev/null"), "c", "1", "3");
        int port = DaemonFixture.FreePort();
        string url = $"iscsi://127.0.0.1:{port}/{DaemonFixture.TargetName("tank/v")}/0";
        using (Daemon first = new(root, port, output))
        {
            first.Cli("pool", "create", "tank", "/var/lib/cstor/disk");
            first.Cli("volume", "create", "tank/v", "64M");
            Tool.Check("qemu-io", "-f", "raw", "-c", "write -P 0x5a 0 4M", "-c", "flush", url);
        }

        using Daemon second = new(root, port, output);
        Tool.Check("qemu-io", "-f", "raw", "-c", "read -P 0x5a 0 4M", url);
        Assert.Contains("root", second.Cli("pool", "history", "tank"), StringComparison.Ordinal);
    }

    private string Make(string name)
    {
        string archive = Path.Combine(_folder, name + ".tar"), layout = Path.Combine(_folder, name);
        string script = Path.Combine(Tidy.SourceTree.Root, "deploy", "image.sh");
        Tool.Check("sh", "-c", $"CSTOR_BINARY='{Machine.DaemonPath}' '{script}' '{archive}'");
        Directory.CreateDirectory(layout);
        Tool.Check("tar", "-xf", archive, "-C", layout);
        Assert.Equal(
            "1.0.0", Json(Path.Combine(layout, "oci-layout")).GetProperty("imageLayoutVersion").GetString());
        return layout;
    }

    private static JsonElement Blob(string layout, JsonElement descriptor) =>
        Json(PathOf(layout, descriptor));

    /// <summary>A blob is what its digest and its size say.</summary>
    private static string PathOf(string layout, JsonElement descriptor)
    {
        string digest = descriptor.GetProperty("digest").GetString()!;
        string path = Path.Combine(layout, "blobs", digest.Replace(':', '/'));
        Assert.Equal(digest, "sha256:" + DigestOf(path));
        Assert.Equal(descriptor.GetProperty("size").GetInt64(), new FileInfo(path).Length);
        return path;
    }

    private static string DigestOf(string path) =>
        Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));

    private static JsonElement Json(string path)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.Clone();
    }

    /// <summary>The entry point with nothing around it but the image; killed at the end.</summary>
    private sealed class Daemon : IDisposable
    {
        private const string Entry = "/usr/local/bin/cstor";

        private readonly string _root;
        private readonly System.Diagnostics.Process _process;

        public Daemon(string root, int port, ITestOutputHelper output)
        {
            _root = root;
            string log = Path.Combine(root, "tmp/log");
            _process = Tool.Start(
                "sh",
                ["-c", $"exec chroot '{root}' {Entry} daemon --iscsi 127.0.0.1:{port} >>'{log}' 2>&1"],
                redirectInput: false);
            for (int attempts = 0; Run("pool", "list").ExitCode != 0; attempts++)
            {
                output.WriteLine(File.Exists(log) ? File.ReadAllText(log) : "");
                Assert.True(!_process.HasExited && attempts < 200);
                Thread.Sleep(100);
            }
        }

        public string Cli(params string[] words)
        {
            ToolResult result = Run(words);
            Assert.True(result.ExitCode == 0, result.All);
            return result.Output;
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }

        private ToolResult Run(params string[] words) => Tool.Run("chroot", [_root, Entry, .. words]);
    }
}
