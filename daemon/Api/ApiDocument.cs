using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace Cstor.Daemon.Api;

/// <summary>
/// The description of the admin API as an OpenAPI 3.1 document. It is made of the table of endpoints as they
/// are mapped and of the types that they read and write, so it cannot say anything else than they do.
/// </summary>
internal sealed class ApiDocument
{
    private const string SchemaPrefix = "#/components/schemas/";

    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSchemaExporterOptions Exact = new()
    {
        TreatNullObliviousAsNonNullable = true,
    };

    private readonly JsonObject _paths = [];
    private readonly JsonObject _schemas = [];

    public ApiDocument() => Schema(ReplyJson.Default.Problem);

    /// <summary>An endpoint that answers with JSON.</summary>
    /// <param name="method">Of HTTP.</param>
    /// <param name="route">With the names of its parts in braces.</param>
    /// <param name="body">What it reads, or null.</param>
    /// <param name="reply">What it answers.</param>
    public void Add(string method, string route, JsonTypeInfo? body, JsonTypeInfo reply)
    {
        JsonObject operation = Describe(method, route);
        if (body is not null)
        {
            operation["requestBody"] = new JsonObject
            {
                ["required"] = true,
                ["content"] = Content("application/json", Schema(body)),
            };
        }
        operation["responses"] = Responses("application/json", Schema(reply));
        Put(method, route, operation);
    }

    /// <summary>An endpoint that answers with something else.</summary>
    public void Add(string method, string route, string contentType)
    {
        JsonObject operation = Describe(method, route);
        operation["responses"] = Responses(contentType, new JsonObject { ["type"] = "string" });
        Put(method, route, operation);
    }

    public string Write()
    {
        JsonObject document = new()
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "cstor admin API",
                ["version"] = "1",
                ["description"] = "Served on the Unix socket, whose owner may do everything, and over TCP to "
                    + "requests that carry the token. Sizes are bytes, times are UTC.",
            },
            ["security"] = new JsonArray(new JsonObject { ["token"] = new JsonArray() }),
            ["paths"] = _paths.DeepClone(),
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject
                {
                    ["token"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer" },
                },
                ["schemas"] = _schemas.DeepClone(),
            },
        };
        return document.ToJsonString(Format) + "\n";
    }

    private void Put(string method, string route, JsonObject operation)
    {
        if (_paths[route] is not JsonObject path) _paths[route] = path = [];
        path[method.ToLowerInvariant()] = operation;
    }

    private static JsonObject Describe(string method, string route)
    {
        JsonArray parameters = [];
        foreach (string part in route.Split('/').Where(part => part.StartsWith('{')))
        {
            parameters.Add((JsonNode)Parameter(part.Trim('{', '}'), "path", "string"));
        }
        foreach ((string name, string type) in QueryParameters.Of(method, route))
        {
            parameters.Add((JsonNode)Parameter(name, "query", type));
        }
        JsonObject operation = new() { ["operationId"] = OperationId(method, route) };
        if (parameters.Count > 0) operation["parameters"] = parameters;
        return operation;
    }

    private static JsonObject Parameter(string name, string place, string type) => new()
    {
        ["name"] = name,
        ["in"] = place,
        ["required"] = place == "path",
        ["schema"] = type == "array"
            ? new JsonObject { ["type"] = type, ["items"] = new JsonObject { ["type"] = "string" } }
            : new JsonObject { ["type"] = type },
    };

    /// <summary><c>POST /v1/pools/{pool}/scrub</c> is <c>postPoolsPoolScrub</c>.</summary>
    private static string OperationId(string method, string route)
    {
        StringBuilder id = new(method.ToLowerInvariant());
        foreach (string part in route.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string word = part.Trim('{', '}').Replace(".", "", StringComparison.Ordinal);
            if (word == "v1") continue;
            id.Append(char.ToUpper(word[0], CultureInfo.InvariantCulture)).Append(word[1..]);
        }
        return id.ToString();
    }

    private static JsonObject Responses(string contentType, JsonObject schema) => new()
    {
        ["200"] = new JsonObject { ["description"] = "Done", ["content"] = Content(contentType, schema) },
        ["default"] = new JsonObject
        {
            ["description"] = "What is wrong, and what to do next",
            ["content"] = Content("application/json", Reference("Problem")),
        },
    };

    private static JsonObject Content(string type, JsonObject schema) => new()
    {
        [type] = new JsonObject { ["schema"] = schema },
    };

    private JsonObject Schema(JsonTypeInfo type)
    {
        if (type.Type.IsArray && type.ElementType is { } element)
        {
            return new JsonObject
            {
                ["type"] = "array",
                ["items"] = Schema(type.Options.GetTypeInfo(element)),
            };
        }
        string name = type.Type.Name;
        if (!_schemas.ContainsKey(name))
        {
            JsonNode schema = type.GetJsonSchemaAsNode(Exact);
            _schemas[name] = schema;
            Rebase(schema, SchemaPrefix + name);
        }
        return Reference(name);
    }

    /// <summary>
    /// A type that contains itself is referred to from the root, which is not the document's.
    /// </summary>
    private static void Rebase(JsonNode? node, string root)
    {
        if (node is JsonArray array)
        {
            foreach (JsonNode? item in array) Rebase(item, root);
        }
        if (node is not JsonObject members) return;
        foreach ((string key, JsonNode? value) in members.ToArray())
        {
            if (key != "$ref" || value is not JsonValue reference) Rebase(value, root);
            else members[key] = root + reference.GetValue<string>()[1..];
        }
    }

    private static JsonObject Reference(string name) => new() { ["$ref"] = SchemaPrefix + name };
}
