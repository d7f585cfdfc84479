using Cstor.Daemon.Api;
using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Metrics;

/// <summary>Space and speed of volumes.</summary>
internal static class VolumeMetrics
{
    public static void Write(MetricsText text, VolumeView[] volumes, VolumeIo[] io)
    {
        WriteSpace(text, volumes);
        WriteIo(text, io);
    }

    /// <summary><c>DeviceRead</c> is <c>device_read</c>.</summary>
    public static string StageName(IoStage stage) => string.Concat(
        stage.ToString().Select((c, at) => char.IsUpper(c) && at > 0 ? "_" + char.ToLowerInvariant(c)
            : char.ToLowerInvariant(c).ToString()));

    private static void WriteSpace(MetricsText text, VolumeView[] volumes)
    {
        Gauge("size_bytes", "Size of the LUN.", volume => volume.SizeBytes);
        Gauge("used_bytes", "Space of the volume and its snapshots.", volume => volume.UsedBytes);
        Gauge("snapshots_used_bytes", "The part that only snapshots hold.",
            volume => volume.UsedBySnapshotsBytes);
        Gauge("referenced_bytes", "Space of what can be read now.", volume => volume.ReferencedBytes);
        Gauge("logical_bytes", "The same as it was written.", volume => volume.LogicalBytes);
        Gauge("snapshots", "Snapshots that it has.", volume => volume.SnapshotCount);
        Gauge("sessions", "Initiators logged in.", volume => volume.Sessions);
        Gauge("served", "0 where something keeps it from being served.",
            volume => volume.Problem.Length == 0 ? 1 : 0);

        void Gauge(string name, string help, Func<VolumeView, double> value)
        {
            text.Gauge("cstor_volume_" + name, help);
            foreach (VolumeView volume in volumes) text.Add(value(volume), ("volume", volume.Name));
        }
    }

    private static void WriteIo(MetricsText text, VolumeIo[] volumes)
    {
        Histogram("read_duration_seconds", "Time from a read to its answer.", io => io.Reads, true);
        Histogram("write_duration_seconds", "Time from a write to its answer.", io => io.Writes, true);
        Histogram("flush_duration_seconds", "Time from a flush to its answer.", io => io.Flushes, true);
        Histogram("read_size_bytes", "Sizes of reads.", io => io.ReadSizes, false);
        Histogram("write_size_bytes", "Sizes of writes.", io => io.WriteSizes, false);
        text.Counter(
            "cstor_volume_stage_duration_seconds_total", "Time that commands spent waiting, by stage.");
        Stages(stage => stage.Sum * 1e-9);
        text.Counter("cstor_volume_stage_waits_total", "How often a command waited, by stage.");
        Stages(stage => stage.Count);

        void Histogram(string name, string help, Func<VolumeIo, HistogramCounts> of, bool isDuration)
        {
            text.Histogram("cstor_volume_" + name, help);
            foreach (VolumeIo volume in volumes)
            {
                if (isDuration) text.AddDurations(of(volume), ("volume", volume.Volume));
                else text.AddSizes(of(volume), ("volume", volume.Volume));
            }
        }

        void Stages(Func<HistogramCounts, double> value)
        {
            foreach (VolumeIo volume in volumes)
            {
                foreach (IoStage stage in Enum.GetValues<IoStage>())
                {
                    text.Add(
                        value(volume.Stage(stage)), ("volume", volume.Volume), ("stage", StageName(stage)));
                }
            }
        }
    }
}
