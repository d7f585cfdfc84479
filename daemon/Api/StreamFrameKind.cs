namespace Cstor.Daemon.Api;

/// <summary>What a frame of <see cref="StreamFrames"/> is.</summary>
internal enum StreamFrameKind : byte
{
    None = 0,

    /// <summary>A part of the stream.</summary>
    Data = 1,

    /// <summary>No more data: the command's input has ended.</summary>
    End = 2,

    /// <summary>The daemon's last word: an <see cref="ActionReport"/>.</summary>
    Done = 3,

    /// <summary>The daemon's last word: a <see cref="Problem"/>.</summary>
    Refused = 4,
}
