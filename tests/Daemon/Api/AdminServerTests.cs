using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Daemon.Api;

public sealed class AdminServerTests
{
    [Fact]
    public async Task Pools_are_listed_in_camel_case_with_sizes_in_bytes()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using HttpClient http = server.Connect();
        JsonElement pool = (await GetAsync(http, Routes.Pools))[0];
        Assert.Equal("tank", pool.GetProperty("name").GetString());
        Assert.Equal(100L << 30, pool.GetProperty("sizeBytes").GetInt64());
        Assert.Equal(
            "missing",
            pool.GetProperty("vdevs")[0].GetProperty("children")[1].GetProperty("state").GetString());
    }

    [Fact]
    public async Task Properties_of_a_volume_are_an_object()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using HttpClient http = server.Connect();
        JsonElement volume = await GetAsync(http, Routes.Fill(Routes.Volume, "tank", "db"));
        Assert.Equal("zstd", volume.GetProperty("properties").GetProperty("compression").GetString());
        Assert.Equal(["tank/db"], server.Daemon.Asked);
    }

    [Theory]
    [InlineData("{\"force\":true}", "dryRun")]
    [InlineData("{\"force\":true,\"dryRun\":false,\"forse\":1}", "forse")]
    [InlineData("{\"force\":\"yes\",\"dryRun\":false}", "force")]
    [InlineData("null", "no body")]
    [InlineData("", "JSON")]
    [InlineData("[", "JSON")]
    public async Task A_body_that_is_not_understood_is_refused_and_changes_nothing(string body, string named)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using HttpClient http = server.Connect();
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(
            Routes.Fill(Routes.PoolExport, "tank"), content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        JsonElement problem = await BodyAsync(response);
        Assert.Equal("bad-request", problem.GetProperty("code").GetString());
        Assert.Contains(named, problem.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Empty(server.Daemon.Asked);
    }

    [Theory]
    [InlineData("no-such-pool", HttpStatusCode.NotFound)]
    [InlineData("pool-exists", HttpStatusCode.Conflict)]
    public async Task A_fault_becomes_a_problem_with_its_remedy(string code, HttpStatusCode status)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Fault = new Fault(code, "what is wrong", "what to do");
        using HttpClient http = server.Connect();
        using HttpResponseMessage response = await http.GetAsync(Routes.Fill(Routes.Pool, "tank"));
        Assert.Equal(status, response.StatusCode);
        JsonElement problem = await BodyAsync(response);
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Equal("what is wrong", problem.GetProperty("message").GetString());
        Assert.Equal("what to do", problem.GetProperty("remedy").GetString());
    }

    [Fact]
    public async Task A_hanging_device_does_not_hang_the_answer()
    {
        await using RunningServer server = await RunningServer.StartAsync(TimeSpan.FromMilliseconds(50));
        server.Daemon.Hangs = true;
        using HttpClient http = server.Connect();
        using HttpResponseMessage response = await http.GetAsync(Routes.Disks);
        Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
        server.Daemon.Hangs = false;
        Assert.Equal("tank", (await GetAsync(http, Routes.Pools))[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task A_handler_that_throws_is_an_internal_problem_and_the_next_request_is_served()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Throws = true;
        using HttpClient http = server.Connect();
        using HttpResponseMessage response = await http.GetAsync(Routes.Pools);
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        server.Daemon.Throws = false;
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(Routes.Pools)).StatusCode);
    }

    [Fact]
    public async Task A_path_that_is_not_there_is_named()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using HttpClient http = server.Connect();
        using HttpResponseMessage response = await http.GetAsync("/v1/poools");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Contains("/v1/poools", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_owner_may_open_the_socket()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(server.SocketPath));
    }

    [Fact]
    public async Task A_stale_socket_is_replaced_and_a_living_one_is_not()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Outcome<AdminServer> second = await server.StartServerAsync();
        Assert.Equal("daemon-running", second.Fault?.Code);
        await server.StopAsync();

        using (Socket dead = new(AddressFamily.Unix, SocketType.Stream, 0))
        {
            // Moved away while it is disposed, which would unlink it: a killed process unlinks nothing.
            dead.Bind(new UnixDomainSocketEndPoint(server.SocketPath));
            File.Move(server.SocketPath, server.SocketPath + ".kept");
        }
        File.Move(server.SocketPath + ".kept", server.SocketPath);
        Assert.True(Path.Exists(server.SocketPath));
        Outcome<AdminServer> third = await server.StartServerAsync();
        await third.Value.DisposeAsync();
        Assert.False(Path.Exists(server.SocketPath));
    }

    [Fact]
    public async Task A_file_in_the_sockets_place_is_not_deleted()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        await server.StopAsync();
        await File.WriteAllTextAsync(server.SocketPath, "precious");
        Assert.Equal("socket-path", (await server.StartServerAsync()).Fault?.Code);
        Assert.Equal("precious", await File.ReadAllTextAsync(server.SocketPath));
    }

    [Fact]
    public async Task Over_tcp_there_is_the_health_check_and_nothing_else()
    {
        int port = FreePort();
        await using RunningServer server = await RunningServer.StartAsync(
            null, new IPEndPoint(IPAddress.Loopback, port));
        using HttpClient http = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        Assert.Equal("ok", (await GetAsync(http, Routes.Health)).GetProperty("status").GetString());
        foreach (string path in (string[])[Routes.Pools, Routes.Disks, Routes.Targets, "/", "/v1/nowhere"])
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync(path)).StatusCode);
        }
        using HttpResponseMessage post = await http.PostAsync(Routes.Health, null);
        Assert.Equal(HttpStatusCode.Forbidden, post.StatusCode);
        Assert.Equal(["health"], server.Daemon.Asked);
    }

    [Fact]
    public async Task Over_tcp_the_token_opens_everything_and_nothing_else_does()
    {
        using ScratchDirectory scratch = new();
        await File.WriteAllTextAsync(scratch["token"], "a-token-of-some-length\n");
        int port = FreePort();
        await using RunningServer server = await RunningServer.StartAsync(
            null, new IPEndPoint(IPAddress.Loopback, port), BearerToken.Read(scratch["token"]).Value);
        using HttpClient http = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        foreach (string? header in (string?[])
            [null, "Bearer", "Bearer ", "Bearer a-token-of-some-lengt", "Basic a-token-of-some-length",
                "a-token-of-some-length", "Bearer a-token-of-some-length2"])
        {
            using HttpRequestMessage request = new(HttpMethod.Get, Routes.Metrics);
            if (header is not null) request.Headers.TryAddWithoutValidation("Authorization", header);
            Assert.Equal(HttpStatusCode.Forbidden, (await http.SendAsync(request)).StatusCode);
        }

        http.DefaultRequestHeaders.Add("Authorization", "Bearer a-token-of-some-length");
        using HttpResponseMessage metrics = await http.GetAsync(Routes.Metrics);
        Assert.Equal(HttpStatusCode.OK, metrics.StatusCode);
        Assert.Equal(
            "text/plain; version=0.0.4; charset=utf-8", metrics.Content.Headers.ContentType!.ToString());
        Assert.EndsWith("up 1\n", await metrics.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using StringContent body = new(
            "{\"force\":false,\"dryRun\":false}", Encoding.UTF8, "application/json");
        await http.PostAsync(Routes.Fill(Routes.PoolExport, "tank"), body);
        Assert.Equal("token at 127.0.0.1", Assert.Single(server.Daemon.Observed.Recorded).Act.By);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("")]
    [InlineData("one with a space in it")]
    public async Task A_token_that_is_none_is_refused_with_how_to_make_one(string token)
    {
        using ScratchDirectory scratch = new();
        await File.WriteAllTextAsync(scratch["token"], token);
        Fault? fault = BearerToken.Read(scratch["token"]).Fault;
        Assert.Contains("urandom", fault?.Remedy, StringComparison.Ordinal);
        Assert.Equal("http-token", BearerToken.Read(scratch["nowhere"]).Fault?.Code);
    }

    private static async Task<JsonElement> GetAsync(HttpClient http, string path)
    {
        using HttpResponseMessage response = await http.GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await BodyAsync(response);
    }

    private static async Task<JsonElement> BodyAsync(HttpResponseMessage response) =>
        JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
