namespace Cstor.Daemon.Configuration;

/// <summary>One setting as written.</summary>
/// <param name="Key">Name, without dashes in front.</param>
/// <param name="Value">Text behind the equals sign.</param>
/// <param name="Origin">Where it stands: <c>--cache</c> or <c>/etc/cstor.conf:12</c>.</param>
internal sealed record Setting(string Key, string Value, string Origin);
