namespace Cstor.Daemon.Api;

/// <summary>A pool found by its labels.</summary>
/// <param name="Name">Pool name.</param>
/// <param name="Guid">Identity.</param>
/// <param name="State"><c>ready</c>, <c>degraded</c>, or the code of what stands in the way.</param>
/// <param name="Reason">What is missing or in the way, or empty.</param>
/// <param name="LastHost">Host that had it last.</param>
/// <param name="Exported">Exported cleanly, so any host may take it.</param>
/// <param name="Devices">Where its devices were found.</param>
/// <param name="Missing">Devices that were not found.</param>
internal sealed record CandidateView(
    string Name,
    Guid Guid,
    string State,
    string Reason,
    string LastHost,
    bool Exported,
    string[] Devices,
    MissingDeviceView[] Missing);
