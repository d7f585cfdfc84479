using System.Security.Cryptography;
using System.Text;
using Cstor.Engine.Host;
using Microsoft.AspNetCore.Http;

namespace Cstor.Daemon.Api;

/// <summary>
/// What lets requests over TCP in: a secret that stands in a file of the host, sent as
/// <c>Authorization: Bearer ...</c>. Kept and compared as its hash, in a time that tells nothing of it.
/// </summary>
internal sealed class BearerToken
{
    private const int MinimumLength = 16;
    private const int MaximumFileBytes = 4096;
    private const string Scheme = "Bearer ";

    private volatile byte[] _hash;

    private BearerToken(string token) => _hash = SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <returns>The token, or why the file holds none.</returns>
    public static Outcome<BearerToken> Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaximumFileBytes)
            {
                return new Fault("http-token", $"{path} is too large for a token", "Write the token alone");
            }
            string token = File.ReadAllText(path).Trim();
            bool isClean = token.Length >= MinimumLength && token.All(c => c is > ' ' and < (char)127);
            return isClean
                ? new BearerToken(token)
                : new Fault(
                    "http-token",
                    $"{path} holds no token of {MinimumLength} printable characters or more",
                    "Make one: head -c 32 /dev/urandom | base64 > " + path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Fault(
                "http-token", $"cannot read the token: {exception.Message}", "Correct --http-token-file");
        }
    }

    /// <returns>As <see cref="Read"/>; null where no file is named.</returns>
    public static Outcome<BearerToken?> ReadIfNamed(string? path)
    {
        if (path is null) return Outcome<BearerToken?>.Ok(null);
        Outcome<BearerToken> token = Read(path);
        return token.IsOk ? token.Value : token.Fault;
    }

    /// <summary>Lets in who has the other token, and no longer who has this one.</summary>
    public void Become(BearerToken other) => _hash = other._hash;

    public bool Admits(HttpContext context)
    {
        string header = context.Request.Headers.Authorization.FirstOrDefault() ?? "";
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return false;
        byte[] given = SHA256.HashData(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim()));
        return CryptographicOperations.FixedTimeEquals(given, _hash);
    }
}
