using Cstor.Engine.Host.Linux;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class TimerHeapTests
{
    [Fact]
    public void Random_arming_and_disarming_leaves_the_earliest_on_top()
    {
        var random = new Random(4711);
        var heap = new TimerHeap();
        var model = new List<Entry>();
        var entries = Enumerable.Range(0, 300).Select(_ => new Entry()).ToArray();
        for (int step = 0; step < 20_000; step++)
        {
            Entry entry = entries[random.Next(entries.Length)];
            if (model.Remove(entry))
            {
                heap.Remove(entry);
            }
            else
            {
                heap.Add(entry, random.Next(50));
                model.Add(entry);
            }

            Entry? expected = model.MinBy(candidate => (candidate.DeadlineNanoseconds, candidate.Sequence));
            Assert.Same(expected, heap.First);
        }
    }

    private sealed class Entry : TimerEntry
    {
        public override void Fire()
        {
        }
    }
}
