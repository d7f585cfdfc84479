namespace Cstor.Target.Scsi;

/// <summary>Task attributes as RFC 7143 §11.3.1 encodes them; SAM-5 §8.6 gives them meaning.</summary>
internal enum TaskAttribute : byte
{
    Untagged = 0,
    Simple = 1,
    Ordered = 2,
    HeadOfQueue = 3,
    Aca = 4,
}
