namespace Cstor.Engine.Host.Linux.Abi;

/// <summary>
/// Numbers of <c>linux/io_uring.h</c> and <c>linux/blkdev.h</c>, checked against the C headers by a test.
/// </summary>
internal static class RingConstants
{
    public const uint SetupCompletionSize = 1u << 3;
    public const uint SetupClamp = 1u << 4;
    public const uint SetupSubmitAll = 1u << 7;
    public const uint SetupCooperative = 1u << 8;
    public const uint SetupTaskRunFlag = 1u << 9;
    public const uint SetupSingleIssuer = 1u << 12;
    public const uint SetupDeferTaskRun = 1u << 13;
    public const uint SetupNoSubmissionArray = 1u << 16;

    public const uint FeatureSingleMapping = 1u << 0;
    public const uint FeatureNoDrop = 1u << 1;
    public const uint FeatureFastPoll = 1u << 5;
    public const uint FeatureExtendedArgument = 1u << 8;

    public const uint EnterGetEvents = 1u << 0;
    public const uint EnterExtendedArgument = 1u << 3;
    public const uint EnterRegisteredRing = 1u << 4;

    public const uint RegisterFiles = 2;
    public const uint RegisterFilesUpdate = 6;
    public const uint RegisterWorkerLimits = 19;
    public const uint RegisterRingFiles = 20;

    public const ulong OffsetSubmissionRing = 0;
    public const ulong OffsetCompletionRing = 0x8000000;
    public const ulong OffsetSubmissionEntries = 0x10000000;

    public const byte EntryFixedFile = 1 << 0;
    public const uint CompletionMore = 1u << 1;
    public const uint CompletionSocketNotEmpty = 1u << 2;
    public const uint SubmissionTaskRun = 1u << 2;

    public const uint FlushDataOnly = 1u << 0;
    public const uint CancelAll = 1u << 0;
    public const uint CancelAny = 1u << 2;
    public const ushort ReceivePollFirst = 1 << 0;

    public const byte OpNop = 0;
    public const byte OpReadVector = 1;
    public const byte OpWriteVector = 2;
    public const byte OpFlush = 3;
    public const byte OpSendMessage = 9;
    public const byte OpReceiveMessage = 10;
    public const byte OpAccept = 13;
    public const byte OpCancel = 14;
    public const byte OpConnect = 16;
    public const byte OpAllocate = 17;
    public const byte OpRead = 22;
    public const byte OpWrite = 23;
    public const byte OpSend = 26;
    public const byte OpReceive = 27;
    public const byte OpCommand = 46;

    /// <summary>BLOCK_URING_CMD_DISCARD, since Linux 6.12: <c>_IO(0x12, 0)</c>.</summary>
    public const uint CommandDiscard = 0x1200;

    public const int SystemCallSetup = 425;
    public const int SystemCallEnter = 426;
    public const int SystemCallRegister = 427;
}
