using Cstor.PoolLayout.Labels;

namespace Cstor.Tests.PoolLayout.Labels;

/// <summary>A label that uses every line there is.</summary>
internal static class SampleLabel
{
    public static readonly PoolLabel Label = new()
    {
        PoolName = "tank",
        PoolGuid = GuidOf(1),
        State = PoolState.Active,
        Generation = 42,
        Branches = [0xB0B, 0xFEDC_BA98_7654_3210],
        DeviceGuid = GuidOf(11),
        HostName = "node1",
        HostId = GuidOf(2),
        WriteFeatures = [],
        Vdevs =
        [
            new VdevConfig
            {
                Kind = VdevKind.Mirror,
                Guid = GuidOf(10),
                Id = 0,
                SizeSectors = 16128,
                Children =
                [
                    Disk(11, 0, "/dev/sda"),
                    Disk(12, 1, "/dev/50%\nüse") with { State = VdevState.Faulted, MissingFrom = 7 },
                ],
            },
            Disk(20, 1, "/dev/sdc"),
            Disk(30, 2, "") with { Role = VdevRole.Log, State = VdevState.Removed, MissingFrom = 1 },
        ],
    };

    /// <summary>What stands on disk: change it only together with the format's version.</summary>
    public const string Text = """
        cstor pool label
        version=2
        features=
        write-features=
        pool=tank
        pool-guid=00000001-0000-0000-0000-000000000000
        state=active
        generation=42
        branches=0000000000000b0b,fedcba9876543210
        device-guid=0000000b-0000-0000-0000-000000000000
        host=node1
        host-id=00000002-0000-0000-0000-000000000000
        vdevs=3
        vdev
          kind=mirror
          id=0
          guid=0000000a-0000-0000-0000-000000000000
          sectors=16128
          vdev
            kind=disk
            id=0
            guid=0000000b-0000-0000-0000-000000000000
            sectors=16128
            path=/dev/sda
          vdev
            kind=disk
            id=1
            guid=0000000c-0000-0000-0000-000000000000
            sectors=16128
            state=faulted
            missing-from=7
            path=/dev/50%25%0Aüse
        vdev
          kind=disk
          id=1
          guid=00000014-0000-0000-0000-000000000000
          sectors=16128
          path=/dev/sdc
        vdev
          kind=disk
          role=log
          id=2
          guid=0000001e-0000-0000-0000-000000000000
          sectors=16128
          state=removed
          missing-from=1

        """;

    public static Guid GuidOf(int number) => new(number, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]);

    private static VdevConfig Disk(int guid, int id, string path) => new()
    {
        Kind = VdevKind.Disk,
        Guid = GuidOf(guid),
        Id = id,
        SizeSectors = 16128,
        Path = path,
    };
}
