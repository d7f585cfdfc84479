using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.PoolLayout.Labels;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class ConfigChoiceTests
{
    private const int A = 11;
    private const int B = 12;

    [Fact]
    public void The_highest_generation_wins()
    {
        (PoolLabel best, string? conflict) = ConfigChoice.Choose([On(A, 4), On(B, 5)]);
        Assert.Equal((5UL, null), (best.Generation, conflict));
    }

    [Theory]
    [InlineData(A)]
    [InlineData(B)]
    public void Of_two_equal_generations_the_one_that_calls_the_others_holder_missing_has_gone_on(int missing)
    {
        DeviceScan crashed = On(missing, 5, PoolState.Exported);
        DeviceScan wentOn = On(A + B - missing, 5, PoolState.Active, missing, 7, 6);

        (PoolLabel best, string? conflict) = ConfigChoice.Choose([crashed, wentOn]);
        Assert.Equal((PoolState.Active, null), (best.State, conflict));
        Assert.Equal(best, ConfigChoice.Choose([wentOn, crashed]).Best);
    }

    [Fact]
    public void A_device_that_was_put_out_and_kept_its_old_label_is_no_conflict()
    {
        (PoolLabel best, string? conflict) = ConfigChoice.Choose(
            [On(A, 6, PoolState.Active, B, 7, 6), On(B, 5)]);
        Assert.Equal((6UL, null), (best.Generation, conflict));
    }

    [Fact]
    public void A_branch_wins_over_its_past_whatever_the_generations()
    {
        // B took two more labels of a crashed host than A, which then went on alone.
        (PoolLabel best, string? conflict) =
            ConfigChoice.Choose([On(A, 11, PoolState.Active, B, 7, 6), On(B, 12)]);
        Assert.Equal((11UL, null), (best.Generation, conflict));
    }

    [Theory]
    [InlineData(11UL, 11UL)]
    [InlineData(11UL, 12UL)]
    [InlineData(12UL, 11UL)]
    [InlineData(40UL, 11UL)]
    public void Two_sides_that_left_each_other_out_are_in_conflict_whatever_the_generations(
        ulong one, ulong two)
    {
        (PoolLabel best, string? conflict) = ConfigChoice.Choose(
            [On(A, one, PoolState.Active, B, 7, 6), On(B, two, PoolState.Active, A, 8, 6)]);
        Assert.Equal(Math.Max(one, two), best.Generation);
        Assert.Contains("diverged", conflict, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_whose_companions_were_all_replaced_is_out_of_date_and_no_conflict()
    {
        // A was the only one that counted when it was taken offline.
        DeviceScan old = On(A, 5, PoolState.Active, B, 7, 6);
        DeviceScan replaced = WithoutOthers(On(B, 9, PoolState.Active, A, 8, 7, 6));
        (PoolLabel best, string? conflict) = ConfigChoice.Choose([old, replaced]);
        Assert.Equal((9UL, null), (best.Generation, conflict));
    }

    [Fact]
    public void A_branch_that_a_crash_left_unfinished_is_no_conflict()
    {
        // A alone took the label that leaves out a third device; B went on without either.
        (PoolLabel best, string? conflict) = ConfigChoice.Choose(
            [On(A, 6, branches: [7, 6]), On(B, 6, PoolState.Active, A, 8, 6)]);
        Assert.Equal((8UL, null), (best.Branches[0], conflict));
    }

    [Fact]
    public void A_device_that_left_regularly_and_was_used_alone_is_a_conflict()
    {
        DeviceScan left = On(A, 9, PoolState.Active, B, 7, 6);
        DeviceScan wentOn = WithoutOthers(On(B, 8, branches: [8, 6]));
        Assert.NotNull(ConfigChoice.Choose([left, wentOn]).Conflict);
    }

    // The tree of B alone: what it was a mirror with is no longer in it.
    private static DeviceScan WithoutOthers(DeviceScan scan)
    {
        PoolLabel label = scan.Label!;
        VdevConfig left = label.Vdevs[0].Children.First(child => child.Guid == label.DeviceGuid);
        label = label with { Vdevs = [left with { Id = 0 }] };
        return new DeviceScan(
            scan.Path, scan.SizeBytes, [new LabelFinding(0, LabelCondition.Whole, "", label)]);
    }

    // A label of generation n on one half of a mirror of A and B, which calls another device missing.
    private static DeviceScan On(
        int device,
        ulong generation,
        PoolState state = PoolState.Active,
        int missing = 0,
        params ulong[] branches)
    {
        VdevConfig mirror = SampleLabel.Label.Vdevs[0];
        PoolLabel label = SampleLabel.Label with
        {
            DeviceGuid = SampleLabel.GuidOf(device),
            Generation = generation,
            Branches = branches.Length > 0 ? branches : [6],
            State = state,
            Vdevs =
            [
                mirror with
                {
                    Children =
                    [
                        .. mirror.Children.Select(child => child.Guid == SampleLabel.GuidOf(missing)
                            ? child with { State = VdevState.Removed, MissingFrom = 3 }
                            : child with { State = VdevState.Online, MissingFrom = 0 }),
                    ],
                },
            ],
        };
        LabelFinding finding = new(0, LabelCondition.Whole, "", label);
        return new DeviceScan($"/dev/{device}", 64L << 20, [finding]);
    }
}
