{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['day', 'series'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- Ratios as counts over exposures: 1 conversion of 3 clicks is not 33 %. Each is asked about the day, the
-- last 3 and the last 7 days, against the six weeks before these without the best and the worst; what counts
-- conversions also since the last of them, for small campaigns, or about the last 2 days. Scratch.
with {{ judged_days() }},

-- A day counts where both are known and something could happen.
pairs as (
    select
        d.series as series,
        d.day as day,
        t.1 as metric,
        t.5 as unit,
        t.4 as seen,
        arrayMap((k, n) -> if(isNaN(k) or not n > 0, 0., k), t.2, t.3) as counts,
        arrayMap((k, n) -> if(isNaN(k) or not n > 0, 0., n), t.2, t.3) as exposures
    from days as d
    array join
        [
            ('ctr', d.clicks, d.impressions, d.whole, toFloat64(1)),
            ('cpc', arrayMap(c -> c / d.cost_unit, d.cost), d.clicks, d.whole, d.cost_unit),
            ('cvr', d.conversions, d.clicks, d.seen, 1.),
            ('cpa', d.conversions, d.cost, d.seen, 1.),
            ('roi', arrayMap(v -> v / d.value_unit, d.conversion_value), d.cost, d.seen, d.value_unit)
        ] as t
    where isFinite(t.2[57]) and t.3[57] > 0 and isFinite(unit) and unit > 0
),

-- Conversions as they will be when all are in, and what is visible of an exposure by now.
ratios as (
    select
        p.*,
        p.seen[57] as maturity,
        arrayMap((k, m) -> k / m, p.counts, p.seen) as final_counts,
        arrayMap((n, m) -> n * m, p.exposures, p.seen) as visible,
        arrayCount(n -> n > 0, arraySlice(p.exposures, 1, 56)) as baseline_days
    from pairs as p
    where baseline_days >= 28
),

-- Sums of any days are differences of these; a lambda that reads the arrays would copy them for every
-- element.
sums as (
    select
        r.*,
        arrayCumSum(r.final_counts) as events_until,
        arrayCumSum(r.exposures) as exposure_until,
        -- days since the last conversion, at most 14
        57 - greatest(arrayLastIndex(k -> k > 0, r.counts), 43) as streak
    from ratios as r
),

weeks as (
    select
        {%- for span in [1, 3, 7] %}
        {{ weekly_sums('s.events_until', span) }} as events_{{ span }},
        {{ weekly_sums('s.exposure_until', span) }} as exposures_{{ span }},
        {%- endfor %}
        s.*
    from sums as s
),

-- Weeks from the worst to the best, those without exposure last.
ranks as (
    select
        {%- for span in [1, 3, 7] %}
        arraySort(
            (i, k, n) -> k / n, [1, 2, 3, 4, 5, 6], w.events_{{ span }}, w.exposures_{{ span }}
        ) as ranks_{{ span }},
        arrayCount(n -> n > 0, w.exposures_{{ span }}) as weeks_{{ span }},
        {%- endfor %}
        w.*
    from weeks as w
),

usuals as (
    select
        {%- for span in [1, 3, 7] %}
        {{ steady_sum('k.events', span) }} as base_events_{{ span }},
        base_events_{{ span }} / {{ steady_sum('k.exposures', span) }} as usual_ratio_{{ span }},
        {%- endfor %}
        k.*
    from ranks as k
),

-- An array join and no `where`: behind a filter the engine would work all of the above out three times.
misfits as (
    select
        u.*,
        arrayMap(n -> if(n > 0, n * u.usual_ratio_1, nan), arraySlice(u.exposures, 15, 42)) as usual,
        arrayMap(
            (k, e) -> abs({{ count_residual('k', 'e') }}), arraySlice(u.final_counts, 15, 42), usual
        ) as misfit,
        u.final_counts[1] + u.final_counts[8] + u.final_counts[15] + u.final_counts[22]
        + u.final_counts[29] + u.final_counts[36] + u.final_counts[43] + u.final_counts[50] as weekday_events,
        u.exposures[1] + u.exposures[8] + u.exposures[15] + u.exposures[22]
        + u.exposures[29] + u.exposures[36] + u.exposures[43] + u.exposures[50] as weekday_exposure
    from usuals as u
    array join if(u.usual_ratio_1 > 0 and u.usual_ratio_3 > 0 and u.usual_ratio_7 > 0, [1], []) as is_usual
),

noise as (
    select
        f.*,
        greatest(pow(1.4826 * {{ median_of('f.misfit') }}, 2) - 1, 0)
        / greatest(arrayAvg(arrayFilter(e -> not isNaN(e), f.usual)), 0.5) as own_noise,
        -- the same weekday's ratio, shrunk towards that of all days by 200 events
        (f.weekday_events + 200) / (f.weekday_exposure + 200 / f.usual_ratio_1) as weekday_ratio
    from misfits as f
)

-- z and the log of observed over expected: the day, 3 days, a week, and 2 days or since the last conversion
select
    n.series as series,
    n.day as day,
    n.metric as metric,
    n.unit as unit,
    n.maturity as maturity,
    n.baseline_days as baseline_days,
    arrayMap(
        q -> {{ question('q.1', 'q.2', 'q.3', 'q.4', 'q.5') }},
        arrayConcat(
            [
                {%- for span, floor in {1: 0.12, 3: 0.08, 7: 0.04}.items() %}
                (
                    toInt64({{ span }}),
                    arraySum(arraySlice(n.counts, {{ 58 - span }}, {{ span }})),
                    arraySum(arraySlice(n.exposures, {{ 58 - span }}, {{ span }})),
                    arraySum(arraySlice(n.visible, {{ 58 - span }}, {{ span }}))
                    * {{ 'n.weekday_ratio' if span == 1 else 'n.usual_ratio_' ~ span }},
                    1 / greatest(n.base_events_{{ span }}, 1)
                    + greatest(n.own_noise / sqrt({{ span }}), {{ floor * floor }})
                ){{ ',' if not loop.last }}
                {%- endfor %}
            ],
            if(
                n.metric in ('cvr', 'cpa'),
                [(
                    toInt64(greatest(n.streak, 2)),
                    if(n.streak > 1, 0., n.counts[56] + n.counts[57]),
                    arraySum(arraySlice(n.exposures, 58 - greatest(n.streak, 2), greatest(n.streak, 2))),
                    arraySum(arraySlice(n.visible, 58 - greatest(n.streak, 2), greatest(n.streak, 2)))
                    * n.usual_ratio_7,
                    1 / greatest(n.base_events_7, 1) + greatest(n.own_noise / sqrt(2), 0.01)
                )],
                []
            )
        )
    )::{{ questions_type() }} as questions, -- noqa: CP01
    -- how far the week before the last was off already, for a drift comes slowly
    log(
        (arraySum(arraySlice(n.final_counts, 44, 7)) + 0.5)
        / (arraySum(arraySlice(n.exposures, 44, 7)) * n.usual_ratio_7 + 0.5)
    ) as week_before
from noise as n
