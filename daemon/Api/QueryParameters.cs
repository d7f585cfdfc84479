namespace Cstor.Daemon.Api;

/// <summary>What requests may say behind the question mark, for the description of the API.</summary>
internal static class QueryParameters
{
    /// <returns>Names and types; none for most routes.</returns>
    public static (string Name, string Type)[] Of(string method, string route) => (method, route) switch
    {
        ("GET", Routes.Imports) => [("search", "array")],
        ("GET", Routes.ImportRewind) => [("search", "array"), ("force", "boolean"), ("data", "boolean")],
        ("GET", Routes.Volumes) => [("pool", "string")],
        ("GET", Routes.Snapshots) => [("pool", "string"), ("volume", "string")],
        ("GET", Routes.History or Routes.Events) => [("pool", "string"), ("last", "integer")],
        ("GET", Routes.EventsFollow) => [("pool", "string"), ("after", "integer")],
        _ => [],
    };
}
