namespace Cstor.Target.Scsi;

/// <summary>Finds a unit by a designator of its device identification page.</summary>
/// <param name="designator">Type and value.</param>
/// <param name="initiatorName">Who asks: what it may not use it does not find.</param>
internal delegate LogicalUnit? UnitLookup(UnitDesignator designator, string initiatorName);
