// The write path of the engine alone, against the device by the same loop: what a 4K overwrite costs the
// device in bytes, what durability costs in time, whether checkpoints can be felt, what is allocated.
//   write-bench RAW POOL [quick|full]   two devices of its own, of 1 and 14 GiB at least; both overwritten
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Tests.Bench.Writes;

if (args.Length is < 2 or > 3)
{
    Console.Error.WriteLine("usage: write-bench RAW POOL [quick|full]");
    return 2;
}

Outcome<LinuxLoop> started = LinuxLoop.Start(new LinuxLoopOptions());
if (!started.IsOk)
{
    Console.Error.WriteLine(started.Fault);
    return 1;
}

using LinuxLoop loop = started.Value;
Bench bench = new(loop, args[0], args[1], args.Length < 3 || args[2] == "quick");
bool isKept = await loop.InvokeAsync(bench.RunAsync);
Console.WriteLine(isKept ? "every promise is kept" : $"{bench.Missed} promises are missed");
return 0;
