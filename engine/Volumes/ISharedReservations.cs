using Cstor.Engine.Host;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Reservations of a volume that several nodes serve: one line of text, the same for all of them. What it
/// says is up to whoever serves initiators.
/// </summary>
/// <remarks>
/// No change of the volume that was asked for under one text takes effect behind a later one: it ends as if
/// nobody led (<see cref="IoStatus.NotLeader"/>), and whoever asks again is checked against the new text.
/// </remarks>
public interface ISharedReservations
{
    /// <summary>As this node knows it; empty at first.</summary>
    string Text { get; }

    /// <summary>Told of each change, once <see cref="Text"/> has it, with the notices of it.</summary>
    Action<string> Changed { get; set; }

    /// <summary>Makes sure that no newer text has been acknowledged to anybody.</summary>
    /// <returns>NotLeader if this node cannot say: ask again.</returns>
    ValueTask<IoStatus> ConfirmAsync();

    /// <summary>Changes the text on all nodes, durably, unless it has been changed before.</summary>
    /// <param name="before">What the change is based on.</param>
    /// <param name="after">What it is to be; one line.</param>
    /// <param name="notices">For all nodes, one line.</param>
    /// <returns>A difference if the text is another; NoSpace if there is no room for it.</returns>
    ValueTask<CompareResult> ChangeAsync(string before, string after, string notices);
}
