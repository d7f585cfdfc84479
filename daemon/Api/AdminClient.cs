using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Api;

/// <summary>The command line's end of the admin API.</summary>
internal sealed class AdminClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly string _socketPath;

    /// <param name="socketPath">The daemon's Unix socket.</param>
    /// <param name="patience">Longer than the daemon's own deadlines, so that its explanation
    /// arrives.</param>
    public AdminClient(string socketPath, TimeSpan patience)
    {
        _socketPath = socketPath;
        SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            ConnectCallback = async (_, cancel) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancel);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        _http = new HttpClient(handler) { BaseAddress = new Uri("http://cstor"), Timeout = patience };
    }

    /// <summary>What was typed, for the daemon's history; or empty.</summary>
    public string Command { get; init; } = "";

    public void Dispose() => _http.Dispose();

    /// <summary>Asks without changing anything.</summary>
    public Task<Outcome<TReply>> GetAsync<TReply>(
        string path, JsonTypeInfo<TReply> reply, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Get, path), reply, cancel);

    /// <summary>Asks for a change.</summary>
    public Task<Outcome<ActionReport>> ChangeAsync<TRequest>(
        HttpMethod method,
        string path,
        TRequest request,
        JsonTypeInfo<TRequest> body,
        CancellationToken cancel)
    {
        HttpRequestMessage message = new(method, path)
        {
            Content = new StringContent(
                JsonSerializer.Serialize(request, body), Encoding.UTF8, "application/json"),
        };
        AddCommand(message);
        return SendAsync(message, ReplyJson.Default.ActionReport, cancel);
    }

    /// <summary>Asks for lines that come as they become, and hands them on until there are no more.</summary>
    /// <returns>Why it did not begin, or why it ended; null where the daemon ended it.</returns>
    public async Task<Fault?> FollowAsync<T>(
        string path, JsonTypeInfo<T> type, Action<T> take, CancellationToken cancel)
        where T : class
    {
        try
        {
            using HttpRequestMessage message = new(HttpMethod.Get, path);
            using HttpResponseMessage response = await _http.SendAsync(
                message, HttpCompletionOption.ResponseHeadersRead, cancel);
            await using Stream body = await response.Content.ReadAsStreamAsync(cancel);
            if (response.StatusCode != HttpStatusCode.OK) return await ReadProblemAsync(body, cancel);
            using StreamReader lines = new(body);
            while (await lines.ReadLineAsync(cancel) is { } line)
            {
                // An empty line only shows that the connection is alive.
                if (line.Length > 0 && JsonSerializer.Deserialize(line, type) is { } entry) take(entry);
            }
            return null;
        }
        catch (HttpRequestException exception)
        {
            return Unreachable((exception.InnerException ?? exception) as SocketException, exception);
        }
        catch (IOException)
        {
            return new Fault("daemon-gone", "the daemon ended the connection", "See whether it runs");
        }
        catch (JsonException exception)
        {
            return NotOurs(exception.Message);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Asks for a connection that carries a stream.</summary>
    public async Task<Outcome<StreamFrames>> OpenAsync(
        HttpMethod method, string path, CancellationToken cancel)
    {
        using HttpRequestMessage message = new(method, path);
        message.Headers.Connection.Add("Upgrade");
        message.Headers.Upgrade.Add(new ProductHeaderValue(StreamRoutes.Protocol));
        AddCommand(message);
        try
        {
            HttpResponseMessage response = await _http.SendAsync(
                message, HttpCompletionOption.ResponseHeadersRead, cancel);
            Stream body = await response.Content.ReadAsStreamAsync(cancel);
            if (response.StatusCode == HttpStatusCode.SwitchingProtocols) return new StreamFrames(body);
            return await ReadProblemAsync(body, cancel);
        }
        catch (HttpRequestException exception)
        {
            return Unreachable((exception.InnerException ?? exception) as SocketException, exception);
        }
        catch (Exception exception) when (exception is JsonException or IOException)
        {
            return NotOurs(exception.Message);
        }
    }

    /// <summary>Percent-encoded, for a header holds little else.</summary>
    private void AddCommand(HttpRequestMessage message)
    {
        if (Command.Length == 0) return;
        message.Headers.Add(RequestSubject.CommandHeader, Uri.EscapeDataString(Command));
    }

    private async Task<Fault> ReadProblemAsync(Stream body, CancellationToken cancel)
    {
        Problem? problem = await JsonSerializer.DeserializeAsync(body, ReplyJson.Default.Problem, cancel);
        return problem?.ToFault() ?? NotOurs("an empty answer");
    }

    private async Task<Outcome<TReply>> SendAsync<TReply>(
        HttpRequestMessage message, JsonTypeInfo<TReply> type, CancellationToken cancel)
    {
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(message, cancel);
            using Stream body = await response.Content.ReadAsStreamAsync(cancel);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                return await ReadProblemAsync(body, cancel);
            }
            TReply? reply = await JsonSerializer.DeserializeAsync(body, type, cancel);
            return reply is null ? NotOurs("an empty answer") : reply;
        }
        catch (HttpRequestException exception)
        {
            return Unreachable((exception.InnerException ?? exception) as SocketException, exception);
        }
        catch (Exception exception) when (exception is JsonException or IOException)
        {
            return NotOurs(exception.Message);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new Fault(
                "no-answer",
                $"the daemon at {_socketPath} did not answer within {_http.Timeout.TotalSeconds:0} s",
                "See its log; it may be stopped or overloaded");
        }
        finally
        {
            message.Dispose();
        }
    }

    private Fault NotOurs(string what) => new(
        "not-a-daemon",
        $"what answers at {_socketPath} is not a cstor daemon of this version: {what}",
        "Check --socket");

    private Fault Unreachable(SocketException? reason, Exception exception) => reason?.SocketErrorCode switch
    {
        SocketError.AccessDenied => new Fault(
            "daemon-unreachable",
            $"cannot reach the daemon at {_socketPath}: permission denied",
            "Run as the daemon's user"),
        SocketError.AddressNotAvailable => new Fault(
            "daemon-unreachable",
            $"cannot reach the daemon at {_socketPath}: there is no such socket",
            "Start it with: cstor daemon"),
        _ => new Fault(
            "daemon-unreachable",
            $"cannot reach the daemon at {_socketPath}: {(reason ?? exception).Message.ToLowerInvariant()}",
            "Start it with: cstor daemon"),
    };
}
