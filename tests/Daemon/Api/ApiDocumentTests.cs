using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cstor.Daemon.Api;
using Cstor.Tests.Tidy;
using Xunit;

namespace Cstor.Tests.Daemon.Api;

public sealed partial class ApiDocumentTests
{
    private static readonly string[] Methods = ["get", "post", "put", "patch", "delete"];

    [Fact]
    public async Task The_document_that_is_served_is_the_one_in_the_repository()
    {
        string path = Path.Combine(SourceTree.Root, "docs", "openapi.json");
        string served = await ServedAsync();
        if (Environment.GetEnvironmentVariable("CSTOR_WRITE_GOLDEN") == "1") File.WriteAllText(path, served);
        Assert.True(
            File.ReadAllText(path) == served,
            "docs/openapi.json is not what the daemon serves; CSTOR_WRITE_GOLDEN=1 with this test writes it");
    }

    [Fact]
    public async Task It_is_valid()
    {
        using JsonDocument document = JsonDocument.Parse(await ServedAsync());
        Assert.Empty(Check(document.RootElement));
    }

    [Fact]
    public async Task Every_route_is_described()
    {
        using JsonDocument document = JsonDocument.Parse(await ServedAsync());
        JsonElement paths = document.RootElement.GetProperty("paths");
        // The health check's parent aside, all constants are routes; streams leave HTTP behind.
        string[] routes = [.. typeof(Routes).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];
        Assert.True(routes.Length > 30);
        Assert.All(routes, route => Assert.True(paths.TryGetProperty(route, out _), route));
    }

    [Theory]
    [InlineData("\"openapi\": \"3.1.0\"", "\"openapi\": \"3\"", "version")]
    [InlineData("\"name\": \"pool\"", "\"name\": \"pol\"", "not declared")]
    [InlineData("#/components/schemas/ActionReport", "#/components/schemas/ActionRepot", "leads nowhere")]
    [InlineData("\"description\": \"Done\"", "\"descripton\": \"Done\"", "no description")]
    [InlineData("\"in\": \"path\"", "\"in\": \"pth\"", "no place")]
    [InlineData("\"operationId\": \"getHealth\"", "\"operationId\": \"getPools\"", "twice")]
    [InlineData("\"type\": \"integer\"", "\"type\": \"long\"", "no type")]
    public async Task The_check_finds_what_was_planted(string right, string wrong, string complaint)
    {
        string planted = (await ServedAsync()).Replace(right, wrong, StringComparison.Ordinal);
        using JsonDocument document = JsonDocument.Parse(planted);
        Assert.Contains(
            Check(document.RootElement), found => found.Contains(complaint, StringComparison.Ordinal));
    }

    private static async Task<string> ServedAsync()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using HttpClient http = server.Connect();
        return await http.GetStringAsync(Routes.OpenApi);
    }

    /// <summary>The rules of OpenAPI 3.1 for what the document uses of it.</summary>
    private static List<string> Check(JsonElement document)
    {
        List<string> wrong = [];
        if (!Version().IsMatch(document.GetProperty("openapi").GetString()!)) wrong.Add("version");
        foreach (string field in (string[])["title", "version"])
        {
            if (!document.GetProperty("info").TryGetProperty(field, out _)) wrong.Add($"info has no {field}");
        }

        HashSet<string> ids = [];
        foreach (JsonProperty path in document.GetProperty("paths").EnumerateObject())
        {
            if (path.Name[0] != '/') wrong.Add($"{path.Name}: does not begin with a slash");
            foreach (JsonProperty operation in path.Value.EnumerateObject())
            {
                string name = $"{operation.Name} {path.Name}";
                if (!Methods.Contains(operation.Name)) wrong.Add($"{name}: no method");
                string id = operation.Value.GetProperty("operationId").GetString()!;
                if (!ids.Add(id)) wrong.Add($"{name}: {id} twice");
                wrong.AddRange(CheckOperation(name, path.Name, operation.Value));
            }
        }

        wrong.AddRange(CheckSchemas(document, document, "#"));
        return wrong;
    }

    private static IEnumerable<string> CheckOperation(string name, string path, JsonElement operation)
    {
        List<string> declared = [];
        if (operation.TryGetProperty("parameters", out JsonElement parameters))
        {
            foreach (JsonElement parameter in parameters.EnumerateArray())
            {
                string place = parameter.GetProperty("in").GetString()!;
                if (place is not ("path" or "query")) yield return $"{name}: no place {place}";
                if (!parameter.TryGetProperty("schema", out _)) yield return $"{name}: no schema";
                if (place != "path") continue;
                declared.Add(parameter.GetProperty("name").GetString()!);
                if (!parameter.GetProperty("required").GetBoolean()) yield return $"{name}: must be required";
            }
        }

        string[] used = [.. InBraces().Matches(path).Select(match => match.Groups[1].Value)];
        foreach (string each in used.Except(declared)) yield return $"{name}: {each} is not declared";
        foreach (string each in declared.Except(used)) yield return $"{name}: {each} is not in the path";
        JsonElement responses = operation.GetProperty("responses");
        if (!responses.TryGetProperty("200", out _)) yield return $"{name}: no response 200";
        foreach (JsonProperty response in responses.EnumerateObject())
        {
            if (!response.Value.TryGetProperty("description", out _)) yield return $"{name}: no description";
        }
    }

    private static IEnumerable<string> CheckSchemas(JsonElement document, JsonElement node, string place)
    {
        if (node.ValueKind == JsonValueKind.Array)
        {
            return node.EnumerateArray().SelectMany(
                (item, at) => CheckSchemas(document, item, $"{place}/{at}"));
        }

        return node.ValueKind != JsonValueKind.Object ? [] : node.EnumerateObject().SelectMany(member =>
        {
            string here = $"{place}/{member.Name}";
            IEnumerable<string> found = CheckSchemas(document, member.Value, here);
            bool isString = member.Value.ValueKind == JsonValueKind.String;
            if (member.Name == "$ref" && isString && !Resolves(document, member.Value.GetString()!))
            {
                return found.Append($"{here}: {member.Value} leads nowhere");
            }

            bool isType = member.Name == "type" && isString && !place.EndsWith("/token", default);
            return isType && !Type().IsMatch(member.Value.GetString()!)
                ? found.Append($"{here}: no type {member.Value}")
                : found;
        });
    }

    private static bool Resolves(JsonElement document, string reference)
    {
        JsonElement at = document;
        foreach (string part in reference.Split('/').Skip(1))
        {
            bool isThere = at.ValueKind == JsonValueKind.Object && at.TryGetProperty(part, out at);
            if (!isThere) return false;
        }

        return reference.StartsWith("#/", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^3\.1\.\d+$")]
    private static partial Regex Version();

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex InBraces();

    [GeneratedRegex("^(string|integer|number|boolean|array|object|null)$")]
    private static partial Regex Type();
}
