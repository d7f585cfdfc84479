# From lines of (load, subject, IOPS, p50 us, p99 us, CPU us, bytes written per byte), several rounds of each,
# one row for each load with the medians.
BEGIN { FS = "\t" }

{
    if (!($1 in seen)) { seen[$1] = 1; load[++loads] = $1 }
    key = $1 SUBSEP $2
    n = ++count[key]
    for (field = 3; field <= 7; field++) value[key, field, n] = $field
}

function median(key, field,    i, j, n, swap, sorted) {
    n = count[key]
    if (!n) return -1
    for (i = 1; i <= n; i++) sorted[i] = value[key, field, i] + 0
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && sorted[j] < sorted[j - 1]; j--) { swap = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = swap }
    return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

function number(value, format) { return value < 0 ? "-" : sprintf(format, value) }

function ratio(a, b) { return a < 0 || b <= 0 ? "-" : sprintf("%.2f", a / b) }

END {
    printf "%-28s %27s  %13s  %20s  %15s  %15s\n", "", "I/O a second", "ratio", "p99 us", "server CPU us/op", "device B/B"
    printf "%-28s %9s%9s%9s  %6s %6s  %6s %6s %6s  %7s %7s  %7s %7s\n", "load", "raw", "tgt", "cstor", "/tgt", "/raw",
        "raw", "tgt", "cstor", "tgt", "cstor", "tgt", "cstor"
    for (i = 1; i <= loads; i++) {
        raw = load[i] SUBSEP "raw"; tgt = load[i] SUBSEP "tgt"; cstor = load[i] SUBSEP "cstor"
        is_write = load[i] ~ /write/ && load[i] !~ /null/
        printf "%-28s %9s%9s%9s  %6s %6s  %6s %6s %6s  %7s %7s  %7s %7s\n", load[i],
            number(median(raw, 3), "%d"), number(median(tgt, 3), "%d"), number(median(cstor, 3), "%d"),
            ratio(median(cstor, 3), median(tgt, 3)), ratio(median(cstor, 3), median(raw, 3)),
            number(median(raw, 5), "%d"), number(median(tgt, 5), "%d"), number(median(cstor, 5), "%d"),
            number(median(tgt, 6), "%.1f"), number(median(cstor, 6), "%.1f"),
            is_write ? number(median(tgt, 7), "%.2f") : "-", is_write ? number(median(cstor, 7), "%.2f") : "-"
    }
}
