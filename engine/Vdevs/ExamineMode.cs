namespace Cstor.Engine.Vdevs;

/// <summary>What an examination does about what it finds.</summary>
internal enum ExamineMode
{
    /// <summary>Nothing: it reports.</summary>
    Verify,

    /// <summary>Rewrites what is wrong on devices that should have it right.</summary>
    Repair,

    /// <summary>Also on devices that are being brought up to date.</summary>
    RepairAll,
}
