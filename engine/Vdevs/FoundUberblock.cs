using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Vdevs;

/// <summary>A valid root, with how many of its copies are whole.</summary>
/// <param name="Root">The root.</param>
/// <param name="WholeCopies">Copies found, in all labels of all devices in use.</param>
/// <param name="ExpectedCopies">Four for each device in use.</param>
public sealed record FoundUberblock(Uberblock Root, int WholeCopies, int ExpectedCopies);
