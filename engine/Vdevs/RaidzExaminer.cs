// Finds a block's contents whatever was lost or silently changed, as far as parity allows. All columns are
// read once; then, in memory, columns are declared lost, none at first, then one more at a time in every
// combination that leaves enough parity to compute them, until the contents are what the caller knows them
// to be. From the right contents follows what every column must hold, which tells the wrong ones, parity
// included. Devices that lack some blocks are asked last: what they hold may be this block or an older one,
// and the caller's check knows which.
using Cstor.Engine.Host;
using Cstor.Raid;

namespace Cstor.Engine.Vdevs;

internal sealed class RaidzExaminer(RaidzVdev vdev, ILoop loop)
{
    private const int TrialsPerTurn = 32;

    public async ValueTask<Examination> ExamineAsync(
        long sector, IoSlice into, Func<IoSlice, bool> isRight, ExamineMode mode)
    {
        RaidzStripe stripe = vdev.RentStripe();
        stripe.Plan(vdev.Geometry, sector, into.LengthBytes);
        IoBuffer? dataImage = loop.Buffers.TryRent(into.LengthBytes);
        IoBuffer? parityImage = loop.Buffers.TryRent(stripe.ParityBytes);
        IoBuffer? parity = loop.Buffers.TryRent(stripe.ParityBytes);
        Examination result = new(IoStatus.NoMemory, 0, 0, "");
        if (dataImage is not null && parityImage is not null && parity is not null)
        {
            Image image = new(
                stripe, into, parity.First(stripe.ParityBytes), dataImage.First(into.LengthBytes),
                parityImage.First(stripe.ParityBytes));
            result = await ExamineAsync(image, isRight, mode);
        }

        dataImage?.Release();
        parityImage?.Release();
        parity?.Release();
        vdev.Return(stripe);
        return result;
    }

    private async ValueTask<Examination> ExamineAsync(
        Image image, Func<IoSlice, bool> isRight, ExamineMode mode)
    {
        CopyFinding[] findings = new CopyFinding[image.Stripe.Count];
        PoolDevice?[] devices = new PoolDevice?[findings.Length];
        for (int i = 0; i < devices.Length; i++) devices[i] = vdev.Reader(image.Stripe.Column(i).Child);
        IoStatus failure = await ReadAsync(image, devices, findings);
        bool isFound = await TryAllAsync(image, findings, isRight);
        if (!isFound)
        {
            PoolDevice?[] stale = new PoolDevice?[devices.Length];
            for (int i = 0; i < stale.Length; i++)
                if (devices[i] is null)
                    stale[i] = Array.Find(
                        vdev.Slots[image.Stripe.Column(i).Child].Members, member => member.IsReadable);
            if (Array.Exists(stale, device => device is not null))
            {
                CopyFinding[] withStale = [.. findings];
                await ReadAsync(image, stale, withStale);
                isFound = await TryAllAsync(image, withStale, isRight);
            }
        }

        if (!isFound) return Lost(devices, findings, failure);
        image.Expect();
        for (int i = 0; i < findings.Length; i++)
        {
            if (findings[i] != CopyFinding.Good || image.IsAsExpected(i)) continue;
            findings[i] = CopyFinding.Wrong;
            devices[i]!.ChecksumErrors++;
        }

        return await RepairAsync(image, devices, findings, mode);
    }

    // Good stands for "was read" until contents are known. The first failure is the one to report.
    private async ValueTask<IoStatus> ReadAsync(Image image, PoolDevice?[] devices, CopyFinding[] findings)
    {
        RequestGroup group = vdev.RentColumns();
        group.Begin(devices.Length);
        for (int i = 0; i < devices.Length; i++)
        {
            if (devices[i] is not { } device) continue;
            group.Expect();
            device.Read(PoolDevice.OffsetOf(image.Stripe.Column(i).Sector), [image.ReadInto(i)], group, i);
        }

        await group.WhenEndedAsync();
        IoStatus failure = IoStatus.Ok;
        for (int i = 0; i < devices.Length; i++)
        {
            if (devices[i] is null)
            {
                if (findings[i] == CopyFinding.Unread && failure == IoStatus.Ok)
                    failure = IoStatus.DeviceGone;
                continue;
            }

            findings[i] = group.Statuses[i] == IoStatus.Ok ? CopyFinding.Good : CopyFinding.Unreadable;
            if (group.Statuses[i] != IoStatus.Ok) failure = group.Statuses[i];
        }

        vdev.ReturnColumns(group);
        return failure;
    }

    private async ValueTask<bool> TryAllAsync(
        Image image, CopyFinding[] findings, Func<IoSlice, bool> isRight)
    {
        int parityCount = image.Stripe.ParityCount;
        int[] lost = Select(findings, parityCount, findings.Length, isGood: false);
        int[] present = Select(findings, parityCount, findings.Length, isGood: true);
        int[] rows = Select(findings, 0, parityCount, isGood: true);
        int trials = 0;
        int mostSuspects = Math.Min(rows.Length - lost.Length, present.Length);
        for (int suspects = 0; suspects <= mostSuspects; suspects++)
        {
            foreach (int[] suspected in Combinations.Of(present, suspects))
            {
                int[] erased = [.. lost.Concat(suspected).Order()];
                foreach (int[] used in Combinations.Of(rows, erased.Length))
                {
                    if (++trials % TrialsPerTurn == 0) await loop.DelayAsync(0);
                    image.Compute(erased, used);
                    if (isRight(image.Contents)) return true;
                }
            }
        }

        return false;
    }

    private async ValueTask<Examination> RepairAsync(
        Image image, PoolDevice?[] readers, CopyFinding[] findings, ExamineMode mode)
    {
        int bad = 0;
        int repaired = 0;
        List<string> where = [];
        for (int i = 0; i < findings.Length; i++)
        {
            Column column = image.Stripe.Column(i);
            foreach (PoolDevice member in vdev.Slots[column.Child].Members)
            {
                if (!member.IsWritable) continue;
                CopyFinding finding = member == readers[i] ? findings[i]
                    : member.IsCurrent ? await CompareAsync(image, i, member) : CopyFinding.Unread;
                if (finding == CopyFinding.Good) continue;
                if (member.IsCurrent)
                {
                    bad++;
                    where.Add(member.Path);
                }

                if (mode == ExamineMode.Verify || (mode == ExamineMode.Repair && !member.IsCurrent)) continue;
                // A failed repair leaves the device as it was, wrong in this block and right in all others.
                IoStatus status = await member.WriteAsync(
                    PoolDevice.OffsetOf(column.Sector), image.Stripe.BytesOf(i));
                if (status != IoStatus.Ok || !member.IsCurrent) continue;
                repaired++;
                member.RepairedParts++;
            }
        }

        return new Examination(IoStatus.Ok, bad, repaired, string.Join(", ", where));
    }

    // A second device of the position that should hold the same.
    private async ValueTask<CopyFinding> CompareAsync(Image image, int column, PoolDevice member)
    {
        IoSlice expected = image.Stripe.BytesOf(column);
        IoBuffer? buffer = loop.Buffers.TryRent(expected.LengthBytes);
        if (buffer is null) return CopyFinding.Good;
        IoStatus status = await member.ReadAsync(
            PoolDevice.OffsetOf(image.Stripe.Column(column).Sector), buffer.First(expected.LengthBytes));
        CopyFinding finding = status != IoStatus.Ok ? CopyFinding.Unreadable
            : buffer.First(expected.LengthBytes).Span.SequenceEqual(expected.Span) ? CopyFinding.Good
            : CopyFinding.Wrong;
        if (finding == CopyFinding.Wrong) member.ChecksumErrors++;
        buffer.Release();
        return finding;
    }

    // Who was wrong cannot be known: each that was read may be.
    private static Examination Lost(PoolDevice?[] devices, CopyFinding[] findings, IoStatus failure)
    {
        bool allWereRead = Array.TrueForAll(findings, finding => finding == CopyFinding.Good);
        int bad = 0;
        List<string> where = [];
        for (int i = 0; i < findings.Length; i++)
        {
            if (devices[i] is null) continue;
            if (findings[i] == CopyFinding.Good && !allWereRead) continue;
            bad++;
            where.Add(devices[i]!.Path);
        }

        IoStatus status = failure is IoStatus.Ok or IoStatus.DeviceTimeout && allWereRead
            ? IoStatus.ChecksumMismatch
            : failure;
        return new Examination(status, bad, 0, string.Join(", ", where));
    }

    private static int[] Select(CopyFinding[] findings, int from, int end, bool isGood)
    {
        List<int> selected = [];
        for (int i = from; i < end; i++)
            if ((findings[i] == CopyFinding.Good) == isGood)
                selected.Add(i);
        return [.. selected];
    }

    /// <summary>A block as its devices have it, and as it is being computed.</summary>
    private sealed class Image(
        RaidzStripe stripe, IoSlice contents, IoSlice parity, IoSlice dataRead, IoSlice parityRead)
    {
        public RaidzStripe Stripe { get; } = stripe;

        public IoSlice Contents { get; } = contents;

        public IoSlice ReadInto(int column)
        {
            Stripe.Place(dataRead, parityRead);
            return Stripe.BytesOf(column);
        }

        public void Compute(int[] erased, int[] used)
        {
            dataRead.Span.CopyTo(Contents.Span);
            Stripe.Place(Contents, parityRead);
            if (erased.Length > 0) Stripe.Reconstruct(erased, used);
        }

        /// <summary>Contents are right: computes what parity must be.</summary>
        public void Expect()
        {
            Stripe.Place(Contents, parity);
            Stripe.Generate();
        }

        public bool IsAsExpected(int column)
        {
            IoSlice read = ReadInto(column);
            Stripe.Place(Contents, parity);
            return read.Span.SequenceEqual(Stripe.BytesOf(column).Span);
        }
    }
}
