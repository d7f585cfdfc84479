using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Cstor.Engine.Host.Linux.Abi;
using Xunit;

namespace Cstor.Tests.Host.Linux;

/// <summary>
/// Sizes, offsets and numbers that we spell out in C# are what the C compiler makes of the system's headers.
/// </summary>
public sealed class AbiTests
{
    private const string Headers = """
        #define _GNU_SOURCE
        #include <stddef.h>
        #include <stdio.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <sys/stat.h>
        #include <sys/file.h>
        #include <sys/mman.h>
        #include <sys/resource.h>
        #include <sys/socket.h>
        #include <sys/eventfd.h>
        #include <sys/syscall.h>
        #include <netinet/in.h>
        #include <netinet/tcp.h>
        #include <linux/falloc.h>
        #include <linux/fs.h>
        #include <linux/io_uring.h>
        """;

    [ToolFact("gcc")]
    public void Structs_have_the_sizes_and_offsets_of_the_C_compiler()
    {
        var expected = new Dictionary<string, long>();
        Add<SubmissionEntry>(expected, "struct io_uring_sqe", ("Opcode", "opcode"), ("Flags", "flags"),
            ("IoPriority", "ioprio"), ("File", "fd"), ("Offset", "off"), ("Address", "addr"),
            ("Length", "len"),
            ("OperationFlags", "rw_flags"), ("UserData", "user_data"), ("BufferIndex", "buf_index"),
            ("Personality", "personality"), ("FileIndex", "file_index"), ("Address3", "addr3"));
        Add<CompletionEntry>(expected, "struct io_uring_cqe", ("UserData", "user_data"), ("Result", "res"),
            ("Flags", "flags"));
        Add<RingParameters>(expected, "struct io_uring_params", ("SubmissionEntries", "sq_entries"),
            ("CompletionEntries", "cq_entries"), ("Flags", "flags"), ("PollThreadProcessor", "sq_thread_cpu"),
            ("PollThreadIdle", "sq_thread_idle"), ("Features", "features"), ("WorkQueueFile", "wq_fd"),
            ("Submission", "sq_off"), ("Completion", "cq_off"));
        Add<SubmissionRingOffsets>(expected, "struct io_sqring_offsets", ("Head", "head"), ("Tail", "tail"),
            ("RingMask", "ring_mask"), ("RingEntries", "ring_entries"), ("Flags", "flags"),
            ("Dropped", "dropped"), ("Array", "array"));
        Add<CompletionRingOffsets>(expected, "struct io_cqring_offsets", ("Head", "head"), ("Tail", "tail"),
            ("RingMask", "ring_mask"), ("RingEntries", "ring_entries"), ("Overflow", "overflow"),
            ("Entries", "cqes"), ("Flags", "flags"));
        Add<WaitArgument>(expected, "struct io_uring_getevents_arg", ("SignalMask", "sigmask"),
            ("SignalMaskBytes", "sigmask_sz"), ("Timespec", "ts"));
        Add<KernelTimespec>(
            expected, "struct __kernel_timespec", ("Seconds", "tv_sec"), ("Nanoseconds", "tv_nsec"));
        Add<ResourceUpdate>(expected, "struct io_uring_rsrc_update", ("Offset", "offset"), ("Data", "data"));
        Add<IoVector>(expected, "struct iovec", ("Address", "iov_base"), ("LengthBytes", "iov_len"));
        Add<MessageHeader>(expected, "struct msghdr", ("Name", "msg_name"), ("NameBytes", "msg_namelen"),
            ("Vectors", "msg_iov"), ("VectorCount", "msg_iovlen"), ("Control", "msg_control"),
            ("ControlBytes", "msg_controllen"), ("Flags", "msg_flags"));
        Add<FileStatus>(expected, "struct statx", ("Mask", "stx_mask"), ("Mode", "stx_mode"),
            ("Inode", "stx_ino"), ("SizeBytes", "stx_size"), ("DeviceMajor", "stx_rdev_major"),
            ("DeviceMinor", "stx_rdev_minor"), ("HostMajor", "stx_dev_major"),
            ("HostMinor", "stx_dev_minor"));
        Add<SocketAddress4>(expected, "struct sockaddr_in", ("Family", "sin_family"), ("Port", "sin_port"),
            ("Address", "sin_addr"));
        Add<SocketAddress6>(expected, "struct sockaddr_in6", ("Family", "sin6_family"), ("Port", "sin6_port"),
            ("FlowInfo", "sin6_flowinfo"), ("AddressHigh", "sin6_addr"), ("Scope", "sin6_scope_id"));

        Assert.Equal(expected, Ask(expected.Keys, optional: false));
    }

    [ToolFact("gcc")]
    public void Error_numbers_are_those_of_the_C_headers()
    {
        Dictionary<string, long> ours = typeof(Errno).GetFields(BindingFlags.Static | BindingFlags.Public)
            .ToDictionary(field => field.Name, field => Convert.ToInt64(field.GetRawConstantValue()));
        Assert.Equal(ours, Ask(ours.Keys, optional: false));
    }

    [ToolFact("gcc")]
    public void Constants_are_those_of_the_C_headers()
    {
        Dictionary<string, long> ours = ConstantNames.All;
        Dictionary<string, long> theirs = Ask(ours.Keys, optional: true);
        // Older headers lack the newest few.
        Assert.InRange(theirs.Count, ours.Count - 4, ours.Count);
        foreach ((string name, long value) in theirs) Assert.Equal((name, ours[name]), (name, value));
    }

    private static void Add<T>(
        Dictionary<string, long> expected, string structure, params (string Ours, string Theirs)[] fields)
        where T : struct
    {
        expected.Add($"sizeof({structure})", Unsafe.SizeOf<T>());
        foreach ((string ours, string theirs) in fields)
            expected.Add($"offsetof({structure}, {theirs})", (long)Marshal.OffsetOf<T>(ours));
    }

    /// <summary>
    /// What the C compiler makes of expressions; optional ones are macros that may be missing.
    /// </summary>
    private static Dictionary<string, long> Ask(IEnumerable<string> expressions, bool optional)
    {
        string directory = Directory.CreateTempSubdirectory("cstor-abi").FullName;
        try
        {
            var source = new StringBuilder(Headers).Append("\nint main(void) {\n");
            foreach (string expression in expressions)
            {
                bool guarded = optional && !ConstantNames.IsEnumMember(expression);
                if (guarded) source.Append("#ifdef ").Append(expression).Append('\n');
                source.Append("printf(\"").Append(expression).Append("=%lld\\n\", (long long)(")
                    .Append(expression).Append("));\n");
                if (guarded) source.Append("#endif\n");
            }

            string file = Path.Combine(directory, "abi.c");
            File.WriteAllText(file, source.Append("return 0; }\n").ToString());
            Shell.Run("gcc", "-w", "-o", Path.Combine(directory, "abi"), file);
            return Shell.Run(Path.Combine(directory, "abi")).Split('\n')
                .Select(line => line.Split('='))
                .ToDictionary(parts => parts[0], parts => long.Parse(parts[1], null));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
