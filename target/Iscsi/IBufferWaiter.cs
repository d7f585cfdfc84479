using Cstor.Engine.Host;

namespace Cstor.Target.Iscsi;

/// <summary>Somebody in line for a buffer; see <see cref="BufferShare.Wait"/>.</summary>
internal interface IBufferWaiter
{
    int WantedBytes { get; }

    void OnBuffer(IoBuffer? buffer);
}
