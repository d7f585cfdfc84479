using Xunit;

namespace Cstor.Tests.EndToEnd;

/// <summary>The oracle of the durability test must itself be able to fail.</summary>
public sealed class LedgerTests
{
    [Fact]
    public void A_lost_flushed_write_is_found()
    {
        Ledger ledger = new(2);
        byte first = ledger.Plan(0);
        ledger.PlanFlush();
        byte second = ledger.Plan(1);
        ledger.Settle(2);
        Assert.NotNull(ledger.Judge(0, 0));
        Assert.Null(ledger.Judge(0, first));
        Assert.Null(ledger.Judge(1, second));
    }

    [Fact]
    public void A_write_that_was_not_flushed_may_be_old_or_new()
    {
        Ledger ledger = new(2);
        ledger.PlanFlush();
        byte value = ledger.Plan(0);
        ledger.Settle(1);
        Assert.Null(ledger.Judge(0, value));
        Assert.NotNull(ledger.Judge(0, 0));

        Ledger other = new(1);
        other.Plan(0);
        other.Settle(0);
        Assert.Null(other.Judge(0, 0));
    }

    [Fact]
    public void A_flush_without_an_acknowledged_write_behind_it_does_not_count()
    {
        Ledger ledger = new(1);
        ledger.Plan(0);
        ledger.PlanFlush();
        ledger.Settle(1);
        Assert.Null(ledger.Judge(0, 0));
    }

    [Fact]
    public void A_value_older_than_the_last_flushed_is_found()
    {
        Ledger ledger = new(2);
        byte old = ledger.Plan(0);
        byte flushed = ledger.Plan(0);
        ledger.PlanFlush();
        byte late = ledger.Plan(0);
        ledger.Plan(1);
        ledger.Settle(4);
        Assert.NotNull(ledger.Judge(0, old));
        Assert.Null(ledger.Judge(0, late));
        Assert.NotEqual(old, flushed);
    }
}
