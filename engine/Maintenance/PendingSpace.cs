using Cstor.Engine.Space;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Maintenance;

internal static class PendingSpace
{
    public static void Grow(this SpaceAllocator allocator, int vdev, long sectors)
    {
    }

    public static void AddVdev(this SpaceAllocator allocator, VdevGeometry geometry, VdevRole role)
    {
    }
}
