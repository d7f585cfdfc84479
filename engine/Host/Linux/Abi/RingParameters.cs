using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct io_uring_params</c>: what is asked of io_uring_setup, and what it answers.</summary>
[StructLayout(LayoutKind.Explicit, Size = 120)]
internal struct RingParameters
{
    [FieldOffset(0)] public uint SubmissionEntries;
    [FieldOffset(4)] public uint CompletionEntries;
    [FieldOffset(8)] public uint Flags;
    [FieldOffset(12)] public uint PollThreadProcessor;
    [FieldOffset(16)] public uint PollThreadIdle;
    [FieldOffset(20)] public uint Features;
    [FieldOffset(24)] public uint WorkQueueFile;
    [FieldOffset(40)] public SubmissionRingOffsets Submission;
    [FieldOffset(80)] public CompletionRingOffsets Completion;
}
