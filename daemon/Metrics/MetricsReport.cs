using Cstor.Daemon.Api;

namespace Cstor.Daemon.Metrics;

/// <summary>
/// All metrics in the text format, names and units by the conventions of Prometheus. Those of the OpenEBS
/// exporter are apart (<see cref="LegacyMetrics"/>), for they do not keep to them.
/// </summary>
internal static class MetricsReport
{
    public static string Write(MetricsSnapshot snapshot)
    {
        MetricsText text = new();
        WriteProcess(text, snapshot);
        PoolMetrics.Write(text, snapshot.Pools);
        DeviceMetrics.Write(text, snapshot.Pools, snapshot.Statistics.Pools);
        VolumeMetrics.Write(text, snapshot.Volumes, snapshot.Statistics.Volumes);
        ReplicaMetrics.Write(text, snapshot.Replicas, snapshot.Statistics.Volumes);
        WriteTargets(text, snapshot.Targets);
        return text.ToString();
    }

    private static void WriteProcess(MetricsText text, MetricsSnapshot snapshot)
    {
        text.Gauge("cstor_build_info", "1, with the version of the program.");
        text.Add(1, ("version", snapshot.Version));
        text.Gauge("process_start_time_seconds", "When the process began, since the epoch.");
        text.Add(snapshot.Process.StartedAt.ToUnixTimeMilliseconds() / 1000.0);
        text.Gauge("process_resident_memory_bytes", "Memory that the process has.");
        text.Add(snapshot.Process.ResidentBytes);
        text.Counter("process_cpu_seconds_total", "Processor time that the process took.");
        text.Add(snapshot.Process.ProcessorSeconds);
    }

    private static void WriteTargets(MetricsText text, TargetView[] targets)
    {
        text.Gauge("cstor_target_sessions", "Initiators logged in.");
        foreach (TargetView target in targets) text.Add(target.Sessions.Length, Of(target));
        text.Counter("cstor_target_logins_total", "Sessions begun.");
        foreach (TargetView target in targets) text.Add(target.Logins, Of(target));
        text.Counter("cstor_target_login_failures_total", "Logins refused.");
        foreach (TargetView target in targets) text.Add(target.LoginFailures, Of(target));
        text.Counter("cstor_target_errors_total", "Commands answered with an error.");
        foreach (TargetView target in targets) text.Add(target.Counters.Errors, Of(target));
        Sessions("commands_total", "SCSI commands received.", session => session.Counters.Commands);
        Sessions("read_bytes_total", "Bytes sent.", session => session.Counters.ReadBytes);
        Sessions("written_bytes_total", "Bytes taken.", session => session.Counters.WrittenBytes);
        Sessions("digest_errors_total", "Digests that did not match.",
            session => session.Counters.DigestErrors);
        text.Gauge("cstor_session_commands_under_way", "Commands not yet answered.");
        Each(session => session.CommandsUnderWay);

        void Sessions(string name, string help, Func<SessionView, double> value)
        {
            text.Counter("cstor_session_" + name, help);
            Each(value);
        }

        void Each(Func<SessionView, double> value)
        {
            foreach (TargetView target in targets)
            {
                foreach (SessionView session in target.Sessions)
                {
                    text.Add(
                        value(session),
                        ("target", target.Name),
                        ("initiator", session.Initiator),
                        ("address", session.Address));
                }
            }
        }
    }

    private static ReadOnlySpan<(string Name, string Value)> Of(TargetView target) =>
        new[] { ("target", target.Name), ("volume", target.Volume) };
}
