namespace Cstor.Daemon.Api;

/// <param name="Candidates">Pools found.</param>
/// <param name="Problems">Devices that could not be read, with the reason.</param>
internal sealed record ImportScanView(CandidateView[] Candidates, string[] Problems);
