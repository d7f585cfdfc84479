using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>Somebody who waits for several device requests and tells them apart by a tag.</summary>
internal interface IRequestOwner
{
    void OnRequestEnded(int tag, IoStatus status);
}
