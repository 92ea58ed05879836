{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['day', 'series'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- What a day's counts are held against: the usual count of its weekday, the same at the level of the last two
-- weeks, the noise of 42 days, and how far the last seven days lie off as a whole. Logs throughout. Scratch.
with {{ judged_days() }},

volumes as (
    select
        d.series as series,
        d.day as day,
        t.1 as metric,
        t.2 as counts,
        t.3 as seen,
        t.4 as unit
    from days as d
    array join
        [
            ('impressions', d.impressions, d.whole, toFloat64(1)),
            ('clicks', d.clicks, d.whole, 1.),
            ('cost', arrayMap(c -> c / d.cost_unit, d.cost), d.whole, d.cost_unit),
            ('conversions', d.conversions, d.seen, 1.),
            ('conversion_value', arrayMap(v -> v / d.value_unit, d.conversion_value), d.seen, d.value_unit)
        ] as t
    where not d.is_part and isFinite(counts[57]) and isFinite(unit) and unit > 0
),

-- The day's own weekday is the first of seven; the eight weeks before are 1 to 56, the day itself is 57. Each
-- step names the one before it once or twice: the engine works a plan out again for every mention.
logs as (
    select
        v.*,
        arrayMap((k, m) -> log(k / m + 0.5), v.counts, v.seen) as levels
    from volumes as v
),

typicals as (
    select
        l.*,
        arrayMap(
            w -> {{ median_of(
                '[' ~ 'levels[w], levels[w + 7], levels[w + 14], levels[w + 21], levels[w + 28], levels[w + 35], '
                ~ 'levels[w + 42], levels[w + 49]]', least=3
            ) }},
            range(1, 8)
        ) as typical
    from logs as l
),

weeks as (
    select
        t.*,
        arraySlice(arrayFlatten(arrayWithConstant(9, t.typical)), 1, 57) as typical_days
    from typicals as t
),

misses as (
    select
        w.*,
        arrayMap((level, usual) -> level - usual, w.levels, w.typical_days) as residuals
    from weeks as w
),

-- Noise is what remains against the weekday at the level of the two weeks before each week.
expected as (
    select
        m.*,
        arrayMap(
            (t, l) -> greatest(exp(t + l) - 0.5, 0),
            arraySlice(m.typical_days, 15, 42),
            arrayFlatten(arrayMap(
                b -> arrayWithConstant(
                    7, {{ median_of('arraySlice(residuals, 7 * b - 13, 14)', least=3, otherwise='0.') }}
                ),
                range(2, 8)
            ))
        ) as usual
    from misses as m
),

misfits as (
    select
        x.*,
        arrayMap(
            (e, k, m) -> if(isNaN(k), (nan, nan), (abs({{ count_residual('k / m', 'e') }}), e)),
            x.usual, arraySlice(x.counts, 15, 42), arraySlice(x.seen, 15, 42)
        ) as misfit
    from expected as x
),

noise as (
    select
        f.*,
        {{ median_of('arrayMap(m -> m.1, f.misfit)') }} as typical_misfit,
        arrayAvg(arrayFilter(e -> not isNaN(e), arrayMap(m -> m.2, f.misfit))) as usual_count,
        {{ median_of('arraySlice(f.residuals, 43, 14)', least=3, otherwise='0.') }} as recent,
        {{ median_of('arraySlice(f.residuals, 15, 42)') }} as middle,
        arrayCount(r -> not isNaN(r), arraySlice(f.residuals, 1, 56)) as baseline_days
    from misfits as f
)

select
    n.series as series,
    n.day as day,
    n.metric as metric,
    n.unit as unit,
    n.counts[57] as events,
    n.seen[57] as maturity,
    greatest(exp(n.typical[1]) - 0.5, 0) * maturity as by_weekday,
    n.recent as recent_level,
    greatest(exp(n.typical[1] + n.recent) - 0.5, 0) * maturity as by_level,
    -- 1.2: residuals against medians that they helped to make are too small
    greatest(pow(1.2 * 1.4826 * n.typical_misfit, 2) - 1, 0) / greatest(n.usual_count, 0.5) as noise,
    n.baseline_days as baseline_days,
    -- as a whole: the last week with the day itself, the week before it, and the spread of single days
    n.residuals[57] as day_residual,
    {{ median_of('arraySlice(n.residuals, 51, 7)', least=5) }} as week_level,
    {{ median_of('arraySlice(n.residuals, 44, 7)', least=3, otherwise='0.') }} as earlier_level,
    1.4826 * {{ median_of('arrayMap(r -> abs(r - middle), arraySlice(n.residuals, 15, 42))') }} as spread
from noise as n
where not isNaN(n.typical_misfit) and not isNaN(n.typical[1]) and n.baseline_days >= 28
