namespace Cstor.Daemon.State;

/// <summary>A pool that was open when the daemon last ran, and is to be open again.</summary>
/// <param name="Guid">Identity.</param>
/// <param name="Name">For messages; the labels decide.</param>
/// <param name="Devices">Where its devices were: a hint, looked at first.</param>
/// <param name="ReadOnly">Imported without writing.</param>
internal sealed record KnownPool(Guid Guid, string Name, string[] Devices, bool ReadOnly);

/// <summary>The file <c>pools.json</c>.</summary>
/// <param name="Version">Of the file's form; a higher one is refused.</param>
/// <param name="Pools">In no order.</param>
internal sealed record KnownPoolsFile(int Version, KnownPool[] Pools);
