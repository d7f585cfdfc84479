namespace Cstor.Daemon.Cli;

/// <summary>Exit statuses, as in every command's help.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
}
