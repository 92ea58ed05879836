{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['series', 'day', 'metric'],
    meta={'writes': 'anomaly_dates', 'sliced_by': 'int_anomaly_series'},
    contract={'enforced': false}
) }}

-- RF02 and RF03 take the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF02,RF03
-- The ratios of a campaign, and of an ad group, move when its ads get other shares of it, though no ad has
-- changed (Simpson's paradox). So what is to be expected of it is also worked out from its ads as they are
-- dealt out now, each at its own usual ratio, the rest at that of the whole; normal is what lies in between.
-- Scratch.
with ad_groups as (
    select
        {{ series_of('m', 'ad') }} as series,
        toInt32(m.date) as day,
        any({{ series_of('m', 'ad_group') }}) as ad_group
    from (
        select
            d.workspace as workspace,
            d.platform as platform,
            {{ keyed_entity('d', 'account') }},
            assumeNotNull(d.ad_group_id) as ad_group_id,
            assumeNotNull(d.ad_id) as ad_id,
            d.date as date
        from {{ ref('mart_ad_daily') }} as d
        where d.ad_group_id is not null and d.ad_id is not null and {{ only_anomaly_dates('d.date') }}
    ) as m
    where {{ in_slice('day') }}
    group by series, day
),

ads as (
    select
        s.series as series,
        s.day as day,
        arrayJoin(arrayFilter(key -> key != 0, [{{ series_of('s', 'campaign') }}, g.ad_group])) as parent
    from {{ ref('int_anomaly_series') }} as s
    left join ad_groups as g on s.series = g.series and s.day = g.day
    where s.entity_type = 'ad' and {{ only_anomaly_dates('s.date') }} and {{ in_slice('s.day') }}
),

-- Money is in its own unit here: an ad counts it in another than its campaign does.
usual_ads as (
    select
        a.parent as parent,
        a.day as day,
        a.series as series,
        r.metric as metric,
        arrayMap(q -> q.3, arraySlice(r.questions, 1, 3)) as exposures,
        arrayMap(q -> q.4 * r.unit, arraySlice(r.questions, 1, 3)) as events
    from {{ ref('int_anomaly_ratios') }} as r
    inner join ads as a on r.series = a.series and r.day = a.day
    where {{ in_slice('r.day') }}
),

weeks_of_ads as (
    select
        {% for metric in anomaly_volumes() -%}
        arraySlice(h.{{ metric }}, position - 5, 7) as {{ metric }},
        {% endfor -%}
        arrayJoin(h.judged) as position,
        h.series as series,
        h.first_day + position as day
    from {{ ref('int_anomaly_histories') }} as h
    where h.is_part and {{ in_slice('h.first_day + position') }}
),

-- Ads too young to have a usual ratio: what they brought.
young_ads as (
    select
        a.parent as parent,
        a.day as day,
        a.series as series,
        t.1 as metric,
        arrayMap((k, n) -> not isNaN(k) and n > 0, t.2, t.3) as known,
        arrayMap((k, is_known) -> if(is_known, k, 0.), t.2, known) as counts,
        arrayMap((n, is_known) -> if(is_known, n, 0.), t.3, known) as volumes,
        arrayMap(span -> arraySum(arraySlice(volumes, -span)), [1, 3, 7]) as exposures,
        arrayMap(span -> arraySum(arraySlice(counts, -span)), [1, 3, 7]) as events
    from weeks_of_ads as w
    inner join ads as a on w.series = a.series and w.day = a.day
    array join
        [
            ('ctr', w.clicks, w.impressions), ('cvr', w.conversions, w.clicks),
            ('cpa', w.conversions, w.cost), ('roi', w.conversion_value, w.cost)
        ] as t
    where (a.series, a.day, t.1) not in (
        select
            u.series,
            u.day,
            u.metric
        from usual_ads as u
    )
),

parents as (
    select
        p.parent as series,
        p.day as day,
        p.metric as metric,
        sumForEachIf(p.exposures, not p.is_young) as usual_exposures,
        sumForEachIf(p.events, not p.is_young) as usual_events,
        sumForEachIf(p.exposures, p.is_young) as young_exposures,
        sumForEachIf(p.events, p.is_young) as young_events
    from (
        select
            u.*,
            false as is_young
        from usual_ads as u
        union all
        select
            y.parent as parent,
            y.day as day,
            y.series as series,
            y.metric as metric,
            y.exposures as exposures,
            y.events as events,
            true as is_young
        from young_ads as y
    ) as p
    group by p.parent, p.day, p.metric
),

-- A young ad may be better than the whole, by a factor of two; that it is worse explains nothing, lest
-- ads that were all replaced hide a fault.
expected as (
    select
        r.series as series,
        r.day as day,
        r.metric as metric,
        r.questions as asked,
        arrayMap(
            (q, known, known_events, young, young_events) -> 1 + (
                known_events / r.unit - known * q.4 / q.3
                + least(greatest(young_events / r.unit - young * q.4 / q.3, 0), young * q.4 / q.3)
            ) / q.4,
            arraySlice(r.questions, 1, 3),
            arrayResize(c.usual_exposures, 3), arrayResize(c.usual_events, 3),
            arrayResize(c.young_exposures, 3), arrayResize(c.young_events, 3)
        ) as factors
    from {{ ref('int_anomaly_ratios') }} as r
    inner join parents as c on r.series = c.series and r.day = c.day and r.metric = c.metric
    where {{ in_slice('r.day') }}
)

-- A question about other days than these spans takes the share of the week.
select
    e.series as series,
    e.day as day,
    e.metric as metric,
    arrayMap(f -> if(isFinite(f), greatest(f, 0), 1), e.factors) as by_span,
    arrayMap((q, n) -> q.4 * by_span[least(n, 3)], e.asked, arrayEnumerate(e.asked)) as by_ads,
    arrayMap((q, other) -> (least(q.4, other), greatest(q.4, other)), e.asked, by_ads) as bands,
    arrayMap(
        (q, band) -> {{ question('q.1', 'q.2', 'q.3', nearest_of('band.1', 'band.2', 'q.2'), 'q.5') }},
        e.asked, bands
    )::{{ questions_type() }} as questions -- noqa: CP01
from expected as e
