using System.Globalization;
using System.Text.Json;
using Cstor.Engine.Host;

namespace Cstor.Daemon.State;

/// <summary>
/// What the daemon remembers between runs: which pools are to be open. The truth about a pool is on its
/// devices; this only says whether it is ours to open. The directory belongs to one daemon at a time, by a
/// lock that dies with the process.
/// </summary>
internal sealed class StateDirectory : IDisposable
{
    private const int Version = 1;

    private const string OwnerName = "owner";

    private readonly FileStream _lock;
    private readonly string _poolsPath;
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, KnownPool> _pools = [];

    private StateDirectory(string path, FileStream heldLock)
    {
        _lock = heldLock;
        _poolsPath = Path.Combine(path, "pools.json");
    }

    /// <summary>Takes the directory, made if need be, and reads what is in it.</summary>
    /// <returns>The directory, or the reason: another daemon has it, or it cannot be read.</returns>
    public static Outcome<StateDirectory> Open(string path)
    {
        try
        {
            Directory.CreateDirectory(
                path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Outcome<FileStream> held = TakeLock(path);
            if (!held.IsOk) return held.Fault;
            StateDirectory state = new(path, held.Value);
            state.Load();
            return state;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Fault(
                "state-dir",
                $"cannot use the state directory {path}: {exception.Message}",
                "Correct it or choose another --state-dir");
        }
    }

    /// <summary>What was wrong with the list of pools, which was then set aside; or null.</summary>
    public Fault? LoadFault { get; private set; }

    public KnownPool[] Pools
    {
        get
        {
            lock (_gate) return [.. _pools.Values];
        }
    }

    /// <summary>The pool is to be opened at the next start; durable when this returns.</summary>
    /// <exception cref="IOException">The list could not be written.</exception>
    public void Remember(KnownPool pool)
    {
        lock (_gate)
        {
            _pools[pool.Guid] = pool;
            Save();
        }
    }

    /// <summary>The pool is not ours any more; durable when this returns.</summary>
    /// <exception cref="IOException">The list could not be written.</exception>
    public void Forget(Guid guid)
    {
        lock (_gate)
        {
            if (_pools.Remove(guid)) Save();
        }
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>
    /// <see cref="FileShare.None"/> is an exclusive flock, which the kernel drops with the process.
    /// </summary>
    private static Outcome<FileStream> TakeLock(string path)
    {
        string owner = Path.Combine(path, OwnerName);
        FileStream held;
        try
        {
            held = new FileStream(
                Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(owner))
        {
            return new Fault(
                "state-dir-locked",
                $"another daemon (process {File.ReadAllText(owner).Trim()}) uses the state directory {path}",
                "Stop it, or choose another --state-dir");
        }
        File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
        return held;
    }

    private void Load()
    {
        if (!File.Exists(_poolsPath)) return;
        string? reason = null;
        try
        {
            // A newer version is refused, not set aside: going back to an old program must not lose the list.
            KnownPoolsFile? file = JsonSerializer.Deserialize(
                File.ReadAllBytes(_poolsPath), StateJson.Default.KnownPoolsFile);
            if (file is null) reason = "it is empty";
            else if (file.Version > Version)
            {
                throw new IOException(
                    $"{_poolsPath} was written by a newer cstor (version {file.Version}, known {Version})");
            }
            else if (file.Version != Version) reason = $"it has version {file.Version}";
            else foreach (KnownPool pool in file.Pools) _pools[pool.Guid] = pool;
        }
        catch (JsonException exception)
        {
            reason = exception.Message;
        }
        if (reason is null) return;
        string aside = _poolsPath + ".damaged";
        File.Move(_poolsPath, aside, overwrite: true);
        LoadFault = new Fault(
            "pools-file",
            $"{_poolsPath} cannot be understood ({reason}) and was set aside as {aside}: no pool is opened",
            "Nothing on the pools is lost: open them with cstor pool import");
    }

    private void Save() => AtomicFile.Write(
        _poolsPath,
        JsonSerializer.SerializeToUtf8Bytes(
            new KnownPoolsFile(Version, [.. _pools.Values]), StateJson.Default.KnownPoolsFile));
}
