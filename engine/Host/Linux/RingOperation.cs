namespace Cstor.Engine.Host.Linux;

/// <summary>
/// Something that awaits completions of a ring. Holds a slot in the ring's table as long as a request of its
/// may be under way: the slot's number is the request's user data, so no handle to a managed object ever
/// crosses into the kernel.
/// </summary>
internal abstract class RingOperation
{
    /// <summary>Place in the ring's table, -1 while not attached.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>A request ended.</summary>
    /// <param name="result">The system call's result, or a negative errno.</param>
    /// <param name="flags">IORING_CQE_F_*.</param>
    public abstract void OnCompletion(int result, uint flags);
}
