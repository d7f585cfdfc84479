namespace Cstor.Engine.Host.Linux;

/// <summary>
/// A file as requests name it: by its place in the ring's file table where there was one free, else by
/// descriptor.
/// </summary>
/// <param name="Descriptor">The file descriptor, for system calls.</param>
/// <param name="TableIndex">Place in the ring's file table, or -1.</param>
internal readonly record struct RingFile(int Descriptor, int TableIndex);
