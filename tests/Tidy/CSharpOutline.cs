using System.Text.RegularExpressions;

namespace Cstor.Tests.Tidy;

/// <summary>
/// The types and members of one C# file, found by braces and the words before them: good enough for rules of
/// style, and quick.
/// </summary>
internal sealed partial class CSharpOutline
{
    private readonly string _code;
    private readonly List<OutlineType> _types = [];
    private readonly List<OutlineMember> _members = [];
    private readonly Stack<Open> _open = new();

    private CSharpOutline(string code) => _code = code;

    public static CSharpOutline Of(string source)
    {
        CSharpOutline outline = new(CSharpText.CodeOnly(source));
        outline.Walk();
        return outline;
    }

    /// <summary>Types that are not nested in another, in order.</summary>
    public IReadOnlyList<OutlineType> TopLevelTypes => _types;

    /// <summary>What stands directly in a type and is no type: fields, methods, properties.</summary>
    public IReadOnlyList<OutlineMember> Members => _members;

    /// <summary>The declared namespace, or null.</summary>
    public string? Namespace =>
        NamespaceName().Match(_code) is { Success: true } match ? match.Groups[1].Value : null;

    private void Walk()
    {
        int headerStart = 0;
        int parentheses = 0;
        for (int at = 0; at < _code.Length; at++)
        {
            char c = _code[at];
            if (c is '(' or '[') parentheses++;
            else if (c is ')' or ']') parentheses--;
            else if (c == '{')
            {
                _open.Push(Describe(_code[headerStart..at], headerStart, parentheses));
                parentheses = 0;
                headerStart = at + 1;
            }
            else if (c == '}')
            {
                Close(at);
                headerStart = KeepsHeader(at) ? _closed!.Start : at + 1;
            }
            else if (c == ';' && parentheses == 0)
            {
                Statement(_code[headerStart..at], headerStart);
                headerStart = at + 1;
            }

            if (c == '}' && _closed is { } closed) parentheses = closed.Parentheses;
        }
    }

    private Open? _closed;

    /// <summary>A field whose initializer has braces goes on after them: its end is the semicolon.</summary>
    private bool KeepsHeader(int at) =>
        _closed is { Kind: OpenKind.Initializer } && AfterSpace(at + 1) is ';' or ',' or '.' or ')';

    private char AfterSpace(int at)
    {
        while (at < _code.Length && char.IsWhiteSpace(_code[at])) at++;
        return at < _code.Length ? _code[at] : '\0';
    }

    private Open Describe(string header, int start, int parentheses)
    {
        OpenKind parent = _open.Count == 0 ? OpenKind.Namespace : _open.Peek().Kind;
        int first = start + header.Length - header.TrimStart().Length;
        bool declares = parent is OpenKind.Namespace or OpenKind.Type;
        if (declares && NamespaceWord().IsMatch(header))
        {
            return new(OpenKind.Namespace, header, first, parentheses);
        }

        if (declares && TypeName().Match(header) is { Success: true } type && !IsAssigned(header))
        {
            if (parent == OpenKind.Namespace) AddType(type, header);
            return new(OpenKind.Type, header, first, parentheses);
        }

        if (parent != OpenKind.Type) return new(OpenKind.Body, header, first, parentheses);
        OpenKind kind = FieldAssignment().IsMatch(header) ? OpenKind.Initializer : OpenKind.Member;
        return new(kind, header, first, parentheses);
    }

    private void AddType(Match type, string header) =>
        _types.Add(new(type.Groups["name"].Value, type.Groups["kind"].Value, FileWord().IsMatch(header)));

    private void Close(int at)
    {
        _closed = _open.Count > 0 ? _open.Pop() : null;
        if (_closed is not { Kind: OpenKind.Member } member) return;
        int line = CSharpText.LineOf(_code, member.Start);
        string body = _code[member.Start..(at + 1)];
        int lines = CSharpText.LineOf(_code, at) - line + 1;
        _members.Add(new(member.Header.Trim(), line, lines, body, IsField: false));
    }

    private void Statement(string header, int start)
    {
        OpenKind parent = _open.Count == 0 ? OpenKind.Namespace : _open.Peek().Kind;
        string text = header.Trim();
        if (parent == OpenKind.Namespace && TypeName().Match(header) is { Success: true } type
            && !IsAssigned(header) && RecordOrDelegate().IsMatch(header))
        {
            AddType(type, header);
        }
        else if (parent == OpenKind.Type && text.Length > 0 && text[0] != '=')
        {
            int first = start + header.Length - header.TrimStart().Length;
            int line = CSharpText.LineOf(_code, first);
            int last = CSharpText.LineOf(_code, start + header.Length);
            _members.Add(new(text, line, last - line + 1, text + ";", IsField: true));
        }
    }

    /// <summary>Has an equals sign that is no parameter's default.</summary>
    private static bool IsAssigned(string header) => Parenthesized().Replace(header, "").Contains('=');

    private enum OpenKind
    {
        Namespace,
        Type,
        Member,
        Initializer,
        Body,
    }

    private sealed record Open(OpenKind Kind, string Header, int Start, int Parentheses);

    [GeneratedRegex(@"^\s*namespace\s+([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceName();

    [GeneratedRegex(@"\([^()]*(?:\([^()]*\)[^()]*)*\)")]
    private static partial Regex Parenthesized();

    [GeneratedRegex(@"^\s*namespace\s")]
    private static partial Regex NamespaceWord();

    [GeneratedRegex(@"\bfile\s")]
    private static partial Regex FileWord();

    [GeneratedRegex(@"\b(record|delegate)\b")]
    private static partial Regex RecordOrDelegate();

    [GeneratedRegex(@"(?<!\w|where\s+\w+\s*:\s*(?:\w+,\s*)*)"
        + @"(?<kind>class|struct|interface|enum|record(?:\s+(?:struct|class))?|delegate\s+[\w<>?,\[\]]+)"
        + @"\s+(?<name>[A-Za-z_]\w*)")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"(?<![=!<>])=(?![=>])")]
    private static partial Regex FieldAssignment();
}

/// <summary>A type as declared.</summary>
/// <param name="Name">Without type parameters.</param>
/// <param name="Kind">class, struct, record struct, ...</param>
/// <param name="IsFileLocal">Declared <c>file</c>.</param>
internal sealed record OutlineType(string Name, string Kind, bool IsFileLocal);

/// <summary>A member as declared.</summary>
/// <param name="Header">Its text up to the body.</param>
/// <param name="Line">First line, from 1.</param>
/// <param name="LineCount">Lines including the body.</param>
/// <param name="Text">Header and body.</param>
/// <param name="IsField">Ends with a semicolon: a field, or a member with an expression for a body.</param>
internal sealed record OutlineMember(string Header, int Line, int LineCount, string Text, bool IsField);
