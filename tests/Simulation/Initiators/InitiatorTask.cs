namespace Cstor.Tests.Simulation.Initiators;

/// <summary>A SCSI command under way at the initiator.</summary>
internal sealed class InitiatorTask(byte[] cdb, byte[] dataOut, int dataInBytes)
{
    public byte[] Cdb { get; } = cdb;

    /// <summary>What the command writes.</summary>
    public byte[] DataOut { get; } = dataOut;

    /// <summary>What the command has read.</summary>
    public byte[] DataIn { get; } = new byte[dataInBytes];

    /// <summary>Bytes of it that arrived.</summary>
    public int Arrived { get; set; }

    /// <summary>SCSI status and sense key, or null when the connection broke first.</summary>
    public SimulatedCompletion<(int Status, int SenseKey)?> Completion { get; } = new();
}
