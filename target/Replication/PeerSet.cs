namespace Cstor.Target.Replication;

/// <summary>
/// The peers of a leader, as the configuration in force has them. Whoever goes through them while one is
/// added or taken out sees the set as it was.
/// </summary>
internal sealed class PeerSet(GroupMember member, ulong epoch)
{
    private PeerProgress[] _all = [];

    public IReadOnlyList<PeerProgress> All => _all;

    public PeerProgress? Find(string name)
    {
        foreach (PeerProgress peer in _all)
            if (peer.Name == name)
                return peer;
        return null;
    }

    /// <summary>Takes in who has come, and takes out who has gone.</summary>
    /// <param name="configuration">In force.</param>
    /// <param name="freshBits">
    /// Bits of those that came: one may have been another's, whose acknowledgements are none of theirs.
    /// </param>
    /// <returns>Those that have gone.</returns>
    public IReadOnlyList<PeerProgress> Match(GroupConfiguration configuration, out uint freshBits)
    {
        PeerProgress[] gone = [.. _all.Where(peer => !configuration.Has(peer.Name))];
        List<PeerProgress> left = [.. _all.Where(peer => configuration.Has(peer.Name))];
        freshBits = 0;
        foreach (ReplicaPlace place in configuration.Places)
        {
            if (place.Node == member.Network.Name || left.Exists(peer => peer.Name == place.Node)) continue;
            uint bit = 1;
            while (left.Exists(peer => peer.Bit == bit)) bit <<= 1;
            left.Add(new PeerProgress(member, epoch, place.Node, bit));
            freshBits |= bit;
        }

        _all = [.. left];
        Expect(configuration.Witness);
        return gone;
    }

    /// <summary>
    /// Takes in a witness that is proposed, if it is new: its record may be what brings the proposal into
    /// force.
    /// </summary>
    public void Expect(string witness)
    {
        if (witness.Length > 0 && Find(witness) is null)
            _all = [.. _all, new PeerProgress(member, epoch, witness, bit: 0)];
    }
}
