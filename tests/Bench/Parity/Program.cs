// Parity against Intel ISA-L: both in one process on the same bytes, in turn, medians of rounds. What counts
// is the ratio to what ISA-L chooses for the processor; the last two columns are ISA-L's functions for AVX2,
// which is what cstor has, and the ratio to them. Of two lost columns, the other side is our own P+Q.
// Throughput is of data bytes, parity not counted.
using System.Diagnostics;
using System.Globalization;
using Cstor.Tests.Bench.Parity;

const int Rounds = 101;
const double RoundSeconds = 0.0002;
string[] rowNames = ["P", "P+Q", "P+Q+R"];
double[] asked = [1.0, 1.0, 0.6];
const double AskedOfReconstruction = 0.8;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Console.WriteLine($"parity, medians of {Rounds} rounds, GB/s of data");
Console.WriteLine($"{"columns",-14}{"task",-22}{"cstor",8}{"ISA-L",8}{"ratio",8}{"asked",8}"
    + $"{"AVX2",8}{"ratio",8}");
int missed = 0;
int lines = 0;
int[] widths = [4, 8];
int[] sizes = [4 << 10, 16 << 10, 128 << 10];
(int Columns, int Bytes)[] shapes =
[
    .. from columns in widths from size in sizes select (columns, size),
    .. from columns in widths from size in sizes select (columns, size / columns),
];
foreach ((int columns, int bytes) in shapes.Distinct())
{
    using Stripe stripe = new(columns, bytes);
    stripe.Verify();
    double dataBytes = (double)columns * bytes;
    for (int rows = 1; rows <= 3; rows++)
    {
        int count = rows;
        (double own, double other) =
            Compare(() => stripe.Generate(count), () => stripe.GenerateByIsaL(count));
        (double again, double narrow) =
            Compare(() => stripe.Generate(count), () => stripe.GenerateByAvx2OfIsaL(count));
        Report(rowNames[rows - 1], own, other, asked[rows - 1], (again, narrow));
    }

    // Verify() leaves P and Q of this data behind.
    (double rebuilt, double made) = Compare(stripe.Reconstruct, () => stripe.Generate(2));
    Report("2 lost / own P+Q", rebuilt, made, AskedOfReconstruction, null);

    void Report(string task, double own, double other, double wanted, (double Own, double Isal)? equal)
    {
        double ratio = other / own;
        lines++;
        string size = bytes >= 1024 ? $"{bytes / 1024.0:0.#}K" : $"{bytes}B";
        string mark = ratio < wanted ? "  missed" : "";
        string narrow = equal is { } pair
            ? $"{dataBytes / pair.Isal / 1e9,8:0.0}{pair.Isal / pair.Own,8:0.00}"
            : new string(' ', 16);
        if (ratio < wanted) missed++;
        Console.WriteLine($"{$"{columns} x {size}",-14}{task,-22}{dataBytes / own / 1e9,8:0.0}"
            + $"{dataBytes / other / 1e9,8:0.0}{ratio,8:0.00}{wanted,8:0.0}{narrow}{mark}");
    }
}

Console.WriteLine(missed == 0 ? "every ratio is reached" : $"{missed} of {lines} ratios are missed");

// Median seconds of one call, of both in alternating order.
static (double First, double Second) Compare(Action first, Action second)
{
    int firstCalls = Calibrate(first);
    int secondCalls = Calibrate(second);
    double[] firsts = new double[Rounds];
    double[] seconds = new double[Rounds];
    for (int round = 0; round < Rounds; round++)
    {
        if (round % 2 == 0) firsts[round] = Time(first, firstCalls);
        seconds[round] = Time(second, secondCalls);
        if (round % 2 == 1) firsts[round] = Time(first, firstCalls);
    }

    Array.Sort(firsts);
    Array.Sort(seconds);
    return (firsts[Rounds / 2], seconds[Rounds / 2]);
}

static int Calibrate(Action action)
{
    for (int calls = 1; ; calls *= 2)
    {
        double seconds = Time(action, calls) * calls;
        if (seconds >= RoundSeconds) return calls;
    }
}

static double Time(Action action, int calls)
{
    long start = Stopwatch.GetTimestamp();
    for (int i = 0; i < calls; i++) action();
    return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
}
