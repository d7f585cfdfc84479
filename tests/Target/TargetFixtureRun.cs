namespace Cstor.Tests.Target;

/// <summary>A fixture whose initiator logs in with further keys.</summary>
internal sealed class TargetFixtureRun(string[] keys)
{
    public void Run(Func<TargetFixture, TestInitiator, ValueTask> test)
    {
        using var fixture = new TargetFixture();
        fixture.RunBare(async () =>
        {
            TestInitiator initiator = await fixture.LoggedInAsync(keys: keys);
            await test(fixture, initiator);
        });
    }
}
