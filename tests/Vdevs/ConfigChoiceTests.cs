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
        DeviceScan wentOn = On(A + B - missing, 5, PoolState.Active, missing);

        (PoolLabel best, string? conflict) = ConfigChoice.Choose([crashed, wentOn]);
        Assert.Equal((PoolState.Active, null), (best.State, conflict));
        Assert.Equal(best, ConfigChoice.Choose([wentOn, crashed]).Best);
    }

    [Theory]
    [InlineData(5UL)]
    [InlineData(9UL)]
    public void Two_sides_that_call_each_other_missing_are_in_conflict(ulong generation)
    {
        (PoolLabel best, string? conflict) = ConfigChoice.Choose(
            [On(A, 5, PoolState.Active, B), On(B, generation, PoolState.Active, A)]);
        Assert.Equal(generation, best.Generation);
        Assert.Contains("diverged", conflict, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_was_put_out_and_kept_its_old_label_is_no_conflict()
    {
        (PoolLabel best, string? conflict) = ConfigChoice.Choose([On(A, 6, PoolState.Active, B), On(B, 5)]);
        Assert.Equal((6UL, null), (best.Generation, conflict));
    }

    // A label of generation n on one half of a mirror of A and B, which calls another device missing.
    private static DeviceScan On(
        int device, ulong generation, PoolState state = PoolState.Active, int missing = 0)
    {
        VdevConfig mirror = SampleLabel.Label.Vdevs[0];
        PoolLabel label = SampleLabel.Label with
        {
            DeviceGuid = SampleLabel.GuidOf(device),
            Generation = generation,
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
