using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>What every TCP socket of ours is set to.</summary>
internal static class SocketOptions
{
    /// <summary>
    /// A connect gives up after about 3 seconds, one repeated SYN: whoever dials tries again, and must not be
    /// found waiting out a long pause when a network comes back.
    /// </summary>
    private const int SynRepeats = 1;

    /// <summary>
    /// No delay, because answers are batched here already; and cubic, because BBR (some distributions'
    /// default) costs a third of the throughput and half again of the CPU on fast links. A kernel without
    /// cubic keeps its own.
    /// </summary>
    public static void SetConnected(int file)
    {
        _ = Libc.SetOption(file, LibcConstants.LevelTcp, LibcConstants.OptionNoDelay, 1);
        _ = Libc.SetOption(file, LibcConstants.LevelTcp, LibcConstants.OptionCongestion, "cubic"u8);
    }

    public static void SetConnecting(int file)
    {
        SetConnected(file);
        _ = Libc.SetOption(file, LibcConstants.LevelTcp, LibcConstants.OptionSynCount, SynRepeats);
    }

    /// <summary>
    /// An IPv6 listener takes IPv6 only, so that the same port can be listened on for IPv4 too.
    /// </summary>
    public static void SetListening(int file, int family)
    {
        _ = Libc.SetOption(file, LibcConstants.LevelSocket, LibcConstants.OptionReuseAddress, 1);
        _ = Libc.SetOption(file, LibcConstants.LevelTcp, LibcConstants.OptionCongestion, "cubic"u8);
        if (family == LibcConstants.FamilyInternet6)
            _ = Libc.SetOption(file, LibcConstants.LevelInternet6, LibcConstants.OptionVersion6Only, 1);
    }
}
