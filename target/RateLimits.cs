namespace Cstor.Target;

/// <summary>What a target may be asked for in a second, by all its initiators together.</summary>
/// <param name="CommandsPerSecond">READs and WRITEs and their like; 0 for no limit.</param>
/// <param name="BytesPerSecond">Bytes they transfer; 0 for no limit.</param>
/// <param name="BurstSeconds">For so long what was not used is kept, to be used at once.</param>
public sealed record RateLimits(long CommandsPerSecond, long BytesPerSecond, int BurstSeconds)
{
    public static readonly RateLimits None = new(0, 0, 1);
}
