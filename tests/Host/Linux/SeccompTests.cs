using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class SeccompTests
{
    private const int SetNoNewPrivileges = 38;
    private const int SetSeccomp = 22;
    private const int FilterMode = 2;

    /// <summary>
    /// A filter belongs to a thread and is inherited by the threads it starts, the loop's among them: as in a
    /// container, at no risk to the other tests.
    /// </summary>
    [Theory]
    [InlineData(1, "seccomp=unconfined")]
    [InlineData(38, "io_uring_setup, io_uring_enter and io_uring_register")]
    public void A_loop_that_a_seccomp_profile_forbids_is_a_fault_that_says_what_to_allow(
        int errno, string remedy)
    {
        Fault? fault = null;
        bool filtered = false;
        var thread = new Thread(() =>
        {
            filtered = Forbid(425, errno);
            fault = LinuxLoop.Start(new LinuxLoopOptions()).Fault;
        });
        thread.Start();
        thread.Join();
        Assert.True(filtered);
        Assert.Equal("io-uring-forbidden", fault?.Code);
        Assert.Contains(remedy, fault!.Remedy, StringComparison.Ordinal);
    }

    /// <summary>
    /// A classic BPF program: load the call's number, compare, answer with the errno or allow.
    /// </summary>
    private static unsafe bool Forbid(uint systemCall, int errno)
    {
        ulong* program = stackalloc ulong[]
        {
            0x20,
            0x15 | 1UL << 24 | (ulong)systemCall << 32,
            0x06 | (0x00050000UL | (uint)errno) << 32,
            0x06 | 0x7FFF0000UL << 32,
        };
        ulong* header = stackalloc ulong[] { 4, (ulong)program };
        return Control(SetNoNewPrivileges, 1, 0, 0, 0) == 0
            && Control(SetSeccomp, FilterMode, (nint)header, 0, 0) == 0;
    }

    [DllImport("libc", EntryPoint = "prctl")]
    private static extern int Control(int option, nint a, nint b, nint c, nint d);
}
