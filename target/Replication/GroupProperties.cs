using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// Properties that are of the volume and the same on all replicas, as this member keeps them. An entry names
/// all of them, so the newest one is enough for whoever missed others.
/// </summary>
internal sealed class GroupProperties(GroupMember member)
{
    /// <summary>As this replica has them, by name.</summary>
    public SortedDictionary<string, string> Current => new(
        member.Replica!.Properties.Where(property => member.IsShared(property.Key))
            .ToDictionary(static property => property.Key, static property => property.Value),
        StringComparer.Ordinal);

    /// <summary>Payload of an entry: a line for each.</summary>
    public static byte[] PayloadOf(IEnumerable<KeyValuePair<string, string>> properties) =>
        Encoding.UTF8.GetBytes(
            string.Concat(properties.Select(static property => $"{property.Key}={property.Value}\n")) + "\n");

    /// <summary>Keeps what an entry says, durably, and tells whoever serves initiators.</summary>
    public async ValueTask<IoStatus> ApplyAsync(byte[] payload)
    {
        List<KeyValuePair<string, string>> properties = [];
        foreach (string line in Encoding.UTF8.GetString(payload).Split('\n'))
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0) properties.Add(new(line[..equals], line[(equals + 1)..]));
        }

        List<KeyValuePair<string, string>> changes = ChangesTo(properties, Reservations);
        if (changes.Count == 0) return IoStatus.Ok;
        IoStatus status = await member.Replica!.SetPropertiesAsync(changes);
        if (status == IoStatus.Ok) member.PropertiesChanged();
        return status;
    }

    /// <summary>
    /// The replica has room for these, and for what is reserved, once all that came before is applied.
    /// </summary>
    public bool Fits(IEnumerable<KeyValuePair<string, string>> properties, string reservations) =>
        member.Replica!.FaultOfProperties(ChangesTo(properties, reservations)) is null;

    private string Reservations => member.Replica!.Volume.Reservations;

    // What shrinks comes first: so there is room for each if there is for all.
    private List<KeyValuePair<string, string>> ChangesTo(
        IEnumerable<KeyValuePair<string, string>> properties, string reservations)
    {
        SortedDictionary<string, string> before = Current;
        Dictionary<string, string> after = before.Keys.ToDictionary(static name => name, static _ => "");
        foreach ((string name, string value) in properties)
            if (member.IsShared(name))
                after[name] = value;
        before[VolumeProperties.ReservationsKey] = Reservations;
        after[VolumeProperties.ReservationsKey] = reservations;
        return
        [
            .. after.Where(change => before.GetValueOrDefault(change.Key, "") != change.Value)
                .OrderBy(change => BytesOf(change.Key, change.Value)
                    - BytesOf(change.Key, before.GetValueOrDefault(change.Key, ""))),
        ];
    }

    private static int BytesOf(string name, string value) =>
        value.Length == 0 ? 0 : VolumeProperties.LineBytes(name, value);
}
