// What must be true of a pool: which volumes it has, how large they are, what each block may be. An
// administrative operation counts once it was acknowledged; begun and cut off by a crash, it happened or it
// did not.
using Cstor.Engine.Volumes;

namespace Cstor.Tests.Simulation.Oracle;

internal sealed class PoolModel
{
    private readonly List<VolumeModel> _volumes = [];
    private uint _lastNumber;

    public OracleHistory History { get; private init; } = new();

    public IReadOnlyList<VolumeModel> Volumes => _volumes;

    /// <summary>A copy that goes on by itself, into a crash.</summary>
    public PoolModel Clone()
    {
        PoolModel copy = new() { History = History.Clone(), _lastNumber = _lastNumber };
        copy._volumes.AddRange(_volumes.Select(volume => volume.Clone(copy.History)));
        return copy;
    }

    /// <summary>The volume of this name, which must be there.</summary>
    public VolumeModel Find(string name) => _volumes.Single(volume => volume.Name == name);

    /// <summary>A creation is begun; the caller ends the doubt.</summary>
    public VolumeModel BeginCreate(string name, long sizeBytes, int blockBytes)
    {
        VolumeModel volume = new(name, new BlockOracle(History, ++_lastNumber, blockBytes, sizeBytes));
        volume.IsInDoubt = true;
        _volumes.Add(volume);
        return volume;
    }

    /// <summary>The volume is gone, or was never made.</summary>
    public void Remove(VolumeModel volume) => _volumes.Remove(volume);

    /// <summary>A resize was acknowledged.</summary>
    public static void EndResize(VolumeModel volume)
    {
        volume.Oracle.Resize(volume.NewSizeBytes!.Value);
        volume.NewSizeBytes = null;
    }

    /// <summary>The power went, or the process died.</summary>
    public void Crash()
    {
        foreach (VolumeModel volume in _volumes) volume.Oracle.Crash();
    }

    /// <summary>Compares with what an import found, and settles what was in doubt.</summary>
    /// <exception cref="OracleException">A volume is missing, too many, or of another size.</exception>
    public void Reconcile(IReadOnlyList<IBlockVolume> found)
    {
        foreach (VolumeModel volume in _volumes.ToArray())
        {
            IBlockVolume? actual = found.SingleOrDefault(candidate => NameOf(candidate) == volume.Name);
            if (actual is null)
            {
                if (!volume.IsInDoubt) throw new OracleException($"volume {volume.Name} is gone");
                _volumes.Remove(volume);
                continue;
            }

            volume.IsInDoubt = false;
            if (actual.SizeBytes != volume.Oracle.SizeBytes && actual.SizeBytes != volume.NewSizeBytes)
                throw new OracleException($"volume {volume.Name} has {actual.SizeBytes} bytes");
            if (actual.BlockSizeBytes != volume.Oracle.BlockBytes)
                throw new OracleException($"{volume.Name} has blocks of {actual.BlockSizeBytes} bytes");
            volume.Oracle.Resize(actual.SizeBytes);
            volume.NewSizeBytes = null;
        }

        foreach (IBlockVolume actual in found)
        {
            if (_volumes.TrueForAll(volume => volume.Name != NameOf(actual)))
                throw new OracleException($"volume {actual.Name} came back");
        }
    }

    /// <summary>Every block was read once since the crash: is what is left a prefix of the history?</summary>
    /// <exception cref="OracleException">It is not, and that was asked for.</exception>
    public void EndOfCrash(bool mustBePrefix)
    {
        string? gap = OracleHistory.FindGap(_volumes.Select(volume => volume.Oracle));
        foreach (VolumeModel volume in _volumes) volume.Oracle.EndOfCrash();
        if (gap is not null && mustBePrefix) throw new OracleException(gap);
    }

    private static string NameOf(IBlockVolume volume) => volume.Name[(volume.Name.IndexOf('/') + 1)..];
}
