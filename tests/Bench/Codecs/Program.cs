// Checksums and compression of one block at a time on one core, fastest of many rounds: what properties of
// volumes cost.
// Blocks are compressed as the write path does it: what does not save an eighth is given up.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Compression;

const int Rounds = 41;
const double RoundSeconds = 0.002;
const int LargestBytes = 128 << 10;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
byte[] noise = new byte[LargestBytes];
new Random(1).NextBytes(noise);
byte[] packed = new byte[LargestBytes];
byte[] back = new byte[LargestBytes];
using BlockCompressor compressor = new();

Console.WriteLine($"checksums, fastest of {Rounds} rounds, GB/s of one core");
Console.WriteLine($"{"block",-8}{"xxh128",9}{"blake3",9}");
foreach (int bytes in (int[])[4 << 10, 16 << 10, LargestBytes])
{
    double xxh = Measure(() => Xxh128.Compute(noise.AsSpan(0, bytes)));
    double blake = Measure(() => Blake3.Compute(noise.AsSpan(0, bytes)));
    Console.WriteLine($"{$"{bytes >> 10}K",-8}{bytes / xxh / 1e9,9:0.00}{bytes / blake / 1e9,9:0.00}");
}

Console.WriteLine();
Console.WriteLine("compression: GB/s there and back, and what is left of a block; - is stored as it is");
(string Name, byte[] Bytes)[] contents =
    [("random", noise), ("text", Text()), ("rows", Rows()), ("base64", Base64())];
(string Name, CompressionKind Kind, int Level)[] choices =
[
    ("lz4", CompressionKind.Lz4, 0), ("zstd-1", CompressionKind.Zstd, 1), ("zstd", CompressionKind.Zstd, 0),
    ("zstd-6", CompressionKind.Zstd, 6), ("zstd-9", CompressionKind.Zstd, 9),
    ("zstd-19", CompressionKind.Zstd, 19),
];
foreach (int bytes in (int[])[16 << 10, LargestBytes])
    foreach ((string content, byte[] all) in contents)
        foreach ((string name, CompressionKind kind, int level) in choices)
            Compare($"{$"{bytes >> 10}K {content}",-14}{name,-9}", all.AsMemory(0, bytes), kind, level);

void Compare(string title, ReadOnlyMemory<byte> block, CompressionKind kind, int level)
{
    int limit = block.Length / 8 * 7;
    int length = 0;
    double there = Measure(() =>
        length = compressor.TryCompress(kind, level, block.Span, packed.AsSpan(0, limit)));
    Console.Write($"{title}{block.Length / there / 1e9,8:0.000}");
    if (length == 0)
    {
        Console.WriteLine($"{"-",8}{"-",7}");
        return;
    }

    int kept = length;
    double again = Measure(() =>
        compressor.TryDecompress(kind, packed.AsSpan(0, kept), back.AsSpan(0, block.Length)));
    if (!back.AsSpan(0, block.Length).SequenceEqual(block.Span))
        throw new InvalidOperationException($"{title} did not come back");
    Console.WriteLine($"{block.Length / again / 1e9,8:0.000}{100.0 * length / block.Length,6:0}%");
}

byte[] Text()
{
    string[] words =
    [
        "the", "database", "writes", "a", "page", "of", "rows", "and", "flushes", "its", "journal", "before",
        "anything", "else", "is", "done", "so", "that", "nothing", "committed", "can", "get", "lost",
    ];
    Random random = new(2);
    StringBuilder text = new();
    while (text.Length < LargestBytes)
    {
        text.Append(words[random.Next(words.Length)]).Append(random.Next(9) == 0 ? ".\n" : " ");
        if (random.Next(5) == 0) text.Append(random.Next(100000));
    }

    return Encoding.ASCII.GetBytes(text.ToString())[..LargestBytes];
}

// Records of 100 bytes: small numbers, a name, zeroes.
byte[] Rows()
{
    byte[] rows = new byte[LargestBytes];
    Random random = new(3);
    for (int at = 0; at + 100 <= rows.Length; at += 100)
    {
        BitConverter.TryWriteBytes(rows.AsSpan(at), random.Next(1_000_000));
        BitConverter.TryWriteBytes(rows.AsSpan(at + 4), 1_700_000_000 + random.Next(100_000));
        for (int i = 12; i < 36; i++) rows[at + i] = (byte)('a' + random.Next(26));
    }

    return rows;
}

byte[] Base64() => Encoding.ASCII.GetBytes(Convert.ToBase64String(noise))[..LargestBytes];

// Seconds of one call, when nobody else was in the way.
static double Measure(Action action)
{
    int calls = 1;
    while (Time(action, calls) * calls < RoundSeconds) calls *= 2;
    int rounds = calls == 1 ? 5 : Rounds;
    double fastest = double.MaxValue;
    for (int i = 0; i < rounds; i++) fastest = Math.Min(fastest, Time(action, calls));
    return fastest;
}

static double Time(Action action, int calls)
{
    long start = Stopwatch.GetTimestamp();
    for (int i = 0; i < calls; i++) action();
    return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
}
