namespace Cstor.PoolLayout.Labels;

/// <summary>What became of the pool, as its labels say.</summary>
public enum PoolState
{
    /// <summary>
    /// Labels are there, the first root is not: a creation that did not end. Nothing of value is on it.
    /// </summary>
    Creating = 0,

    /// <summary>In use, or its host crashed.</summary>
    Active,

    /// <summary>Left in good order: any host may import it.</summary>
    Exported,

    /// <summary>Destroyed by its operator.</summary>
    Destroyed,
}
