using System.Text;
using Cstor.Engine.Host;

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
        SortedDictionary<string, string> before = Current;
        Dictionary<string, string> changes = before.Keys.ToDictionary(static name => name, static _ => "");
        foreach (string line in Encoding.UTF8.GetString(payload).Split('\n'))
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && member.IsShared(line[..equals])) changes[line[..equals]] = line[(equals + 1)..];
        }

        foreach ((string name, string value) in before)
            if (changes[name] == value)
                changes.Remove(name);
        if (changes.Count == 0) return IoStatus.Ok;
        IoStatus status = await member.Replica!.SetPropertiesAsync([.. changes]);
        if (status == IoStatus.Ok) member.PropertiesChanged();
        return status;
    }
}
