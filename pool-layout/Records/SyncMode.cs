namespace Cstor.PoolLayout.Records;

/// <summary>When a write is durable.</summary>
public enum SyncMode : byte
{
    /// <summary>At FUA and flush, as the initiator asks.</summary>
    Standard = 0,

    /// <summary>Every write, before it is acknowledged.</summary>
    Always = 1,

    /// <summary>Flushes are acknowledged at once: a power cut loses the last seconds, consistently.</summary>
    Disabled = 2,
}
