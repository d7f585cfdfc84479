namespace Cstor.Tests.Simulation.Toy;

/// <summary>A fault planted in the toy engine, which the harness must find.</summary>
public enum ToyBug
{
    None,

    /// <summary>FlushAsync answers and flushes nothing.</summary>
    FlushDoesNothing,

    /// <summary>FUA is not honoured.</summary>
    DurableIsIgnored,

    /// <summary>A block is overwritten where its only durable copy is.</summary>
    OverwritesInPlace,

    /// <summary>A torn copy is believed.</summary>
    NoChecksum,

    /// <summary>A write is answered, and flushed over, before it has reached the disk.</summary>
    AnswersTooSoon,

    /// <summary>The copy to read is chosen by place instead of age.</summary>
    ReadsTheOlderCopy,
}
