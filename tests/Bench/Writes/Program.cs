// The write path of the engine alone, against the device by the same loop: what a 4K overwrite costs the
// device in bytes, what durability costs in time, whether checkpoints can be felt, what is allocated, and
// what snapshots cost. Or whether memory grows, in MINUTES=60.
//   write-bench RAW POOL [quick|full] [all|writes|snapshots|memory]
// two devices of its own, of 1 and 14 GiB at least; both overwritten
using System.Globalization;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Tests.Bench.Writes;

if (args.Length is < 2 or > 4)
{
    Console.Error.WriteLine("usage: write-bench RAW POOL [quick|full] [all|writes|snapshots|memory]");
    return 2;
}

Outcome<LinuxLoop> started = LinuxLoop.Start(new LinuxLoopOptions());
if (!started.IsOk)
{
    Console.Error.WriteLine(started.Fault);
    return 1;
}

using LinuxLoop loop = started.Value;
bool isQuick = args.Length < 3 || args[2] == "quick";
string part = args.Length < 4 ? "all" : args[3];
Bench bench = new(loop, args[0], args[1], isQuick);
SnapshotBench snapshots = new(loop, args[1], isQuick);
if (part == "memory")
{
    string minutes = Environment.GetEnvironmentVariable("MINUTES") ?? "60";
    MemoryBench memory = new(loop, args[1], int.Parse(minutes, CultureInfo.InvariantCulture));
    return await loop.InvokeAsync(memory.RunAsync) ? 0 : 1;
}

if (part != "snapshots") await loop.InvokeAsync(bench.RunAsync);
if (part != "writes") await loop.InvokeAsync(snapshots.RunAsync);
int missed = bench.Missed + snapshots.Missed;
Console.WriteLine(missed == 0 ? "every promise is kept" : $"{missed} promises are missed");
return 0;
