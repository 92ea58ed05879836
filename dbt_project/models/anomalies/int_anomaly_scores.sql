{{ config(
    order_by=['workspace', 'platform', 'account_id', 'entity_type', 'entity_id', 'metric'],
    contract={'enforced': false},
    meta={'replaces': 'anomaly_dates'}
) }}

-- noqa: disable=RF03
-- Count-aware z of every series, metric and day, with the band that counts as normal. Every window ends the
-- day before. Windows are in days, not rows: a day that never loaded does not stretch them.
with equivalents as (
    -- Money as event equivalents (cost in clicks, value in conversions), so that a count's variance applies.
    -- A campaign without clicks counts a hundred impressions as one.
    select
        s.*,
        sum(s.cost) over last_42 / coalesce(
            nullIf(sum(s.clicks) over last_42, 0), nullIf(sum(s.impressions) over last_42, 0) / 100
        ) as cost_unit,
        sum(s.conversion_value) over last_42 / nullIf(sum(s.conversions) over last_42, 0) as value_unit,
        s.cost / nullIf(cost_unit, 0) as cost_events,
        s.conversion_value / nullIf(value_unit, 0) as value_events
    from {{ ref('int_anomaly_series') }} as s
    where not s.is_missing
    window last_42 as (partition by s.series order by s.day range between 42 preceding and 1 preceding)
),

-- events: the count judged; maturity: the share of its final value that an export of this age sees.
volumes as (
    select
        e.series as series,
        e.day as day,
        e.weekday as weekday,
        t.1 as metric,
        t.2 as events,
        t.3 as maturity,
        t.4 as unit,
        log(events / maturity + 0.5) as level
    from equivalents as e
    array join
        [
            ('impressions', e.impressions, toFloat64(1), toNullable(toFloat64(1))),
            ('clicks', e.clicks, 1, 1),
            ('cost', e.cost_events, 1, e.cost_unit),
            ('conversions', e.conversions, e.maturity, 1),
            ('conversion_value', e.value_events, e.maturity, e.value_unit)
        ] as t
    where events is not null
),

-- (a) the same weekday's median of 8 weeks
weekdays as (
    select
        v.*,
        if(
            count(v.level) over same_weekday >= 3, quantileExactInclusive(v.level) over same_weekday, null
        ) as typical
    from volumes as v
    window same_weekday as (
        partition by v.series, v.metric, v.weekday order by v.day range between 56 preceding and 1 preceding
    )
),

-- (b) the same, corrected by the median residual of the last 14 days
levels as (
    select
        w.*,
        if(
            count(w.level - w.typical) over last_14 >= 3,
            quantileExactInclusive(w.level - w.typical) over last_14,
            0
        ) as shift
    from weekdays as w
    window
        last_14 as (partition by w.series, w.metric order by w.day range between 14 preceding and 1 preceding)
),

-- What lies between (a) and (b) is normal; residuals are on the scale on which a count's variance is 1.
bands as (
    select
        l.series as series,
        l.day as day,
        l.metric as metric,
        l.events as events,
        l.unit as unit,
        greatest(exp(l.typical) - 0.5, 0) * l.maturity as by_weekday,
        greatest(exp(l.typical + l.shift) - 0.5, 0) * l.maturity as by_level,
        if(by_weekday < by_level, by_weekday, by_level) as low,
        if(by_weekday < by_level, by_level, by_weekday) as high,
        {{ count_residual('l.events', 'by_level') }} as residual
    from levels as l
    where l.typical is not null
),

volume_noise as (
    select
        b.*,
        count() over last_42 as baseline_days,
        {{ noise_variance('b.residual', 'b.by_level', floor=0.15) }} as noise
    from bands as b
    window
        last_42 as (partition by b.series, b.metric order by b.day range between 42 preceding and 1 preceding)
),

volume_scores as (
    select
        n.series as series,
        n.day as day,
        n.metric as metric,
        n.baseline_days as baseline_days,
        n.events as events,
        n.unit as unit,
        toFloat64(1) as exposure,
        (n.low + n.high) / 2 as expected_events,
        n.low as low,
        n.high as high,
        n.noise as noise
    from volume_noise as n
    where n.baseline_days >= 14
),

-- A ratio is a count over its exposure and has no z of its own: 1 conversion of 3 clicks is not 33 %.
ratios as (
    select
        e.series as series,
        e.day as day,
        e.weekday as weekday,
        t.1 as metric,
        t.2 as events,
        t.3 as exposure,
        t.4 as maturity,
        t.5 as unit
    from equivalents as e
    array join
        [
            ('ctr', e.clicks, e.impressions, toFloat64(1), toNullable(toFloat64(1))),
            ('cpc', e.cost_events, e.clicks, 1, e.cost_unit),
            ('cvr', e.conversions, e.clicks, e.maturity, 1),
            ('cpa', e.conversions, e.cost, e.maturity, 1),
            ('roi', e.value_events, e.cost, e.maturity, e.value_unit)
        ] as t
    where events is not null and exposure > 0
),

-- The pooled ratio of 42 days; the same weekday's ratio, shrunk towards it by 200 events.
pooled as (
    select
        r.series as series,
        r.day as day,
        r.metric as metric,
        r.events as events,
        r.exposure as exposure,
        r.unit as unit,
        greatest(
            sum(r.events / r.maturity) over last_42 / nullIf(sum(r.exposure) over last_42, 0), 1e-12
        ) as pooled_ratio,
        sum(r.exposure) over last_42 as pooled_exposure,
        if(
            pooled_exposure > 0,
            r.exposure * r.maturity
            * (sum(r.events / r.maturity) over same_weekday + 200)
            / (sum(r.exposure) over same_weekday + 200 / pooled_ratio),
            null
        ) as expected_events,
        {{ count_residual('r.events', 'expected_events') }} as residual
    from ratios as r
    window
        last_42 as (
            partition by r.series, r.metric order by r.day range between 42 preceding and 1 preceding
        ),
        same_weekday as (
            partition by r.series, r.metric, r.weekday
            order by r.day range between 42 preceding and 1 preceding
        )
),

ratio_noise as (
    select
        p.*,
        count() over last_42 as baseline_days,
        {{ noise_variance('p.residual', 'p.expected_events', floor=0.10) }} as noise
    from pooled as p
    where p.expected_events is not null
    window
        last_42 as (partition by p.series, p.metric order by p.day range between 42 preceding and 1 preceding)
),

ratio_scores as (
    select
        n.series as series,
        n.day as day,
        n.metric as metric,
        n.baseline_days as baseline_days,
        n.events as events,
        n.unit as unit,
        n.exposure as exposure,
        n.expected_events as expected_events,
        n.expected_events as low,
        n.expected_events as high,
        n.noise as noise
    from ratio_noise as n
    where n.baseline_days >= 14
),

scores as (
    select * from volume_scores
    union all
    select * from ratio_scores
),

-- Days on which more is not an anomaly, because someone said so.
promoted as (
    select distinct
        c.workspace as workspace,
        arrayJoin(arrayMap(n -> c.date_start + n, range(toUInt32(c.date_end - c.date_start + 1)))) as date
    from {{ ref('promotions') }} as c
),

-- z against the point of the band nearest to the count; the band is widened to where |z| reaches the
-- threshold.
judged as (
    select
        {% for column in [
            'metric', 'baseline_days', 'events', 'unit', 'exposure', 'expected_events', 'noise'
        ] -%}
        c.{{ column }} as {{ column }},
        {% endfor -%}
        {%- for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'entity_type', 'entity_id', 'entity_name', 'date',
            'rate', 'account_currency', 'reporting_currency', 'is_provisional', 'maturity'
        ] -%}
        s.{{ column }} as {{ column }},
        {% endfor -%}
        multiIf(c.events > c.high, c.high, c.events < c.low, c.low, c.events) as nearest,
        {{ count_residual('c.events', 'nearest') }} / sqrt(1 + nearest * c.noise) as z,
        {{ band_edge('c.low', 'c.noise', 't.z_threshold', '-') }} as lower_events,
        {{ band_edge('c.high', 'c.noise', 't.z_threshold', '+') }} as upper_events,
        t.z_threshold as z_threshold,
        if(c.metric in ('cost', 'conversion_value', 'cpc', 'cpa'), coalesce(s.rate, 1), 1) as rate_of_value,
        if(c.metric in ('cost', 'conversion_value', 'cpc', 'roi'), coalesce(s.rate, 1), 1) as rate_of_events
    from scores as c
    inner join {{ ref('int_anomaly_series') }} as s on c.series = s.series and c.day = s.day
    inner join {{ ref('int_anomaly_thresholds') }} as t on s.workspace = t.workspace
    where {{ only_anomaly_dates('s.date') }}
),

measured as (
    select
        j.*,
        {% for column, events in {
            'value': 'j.events', 'expected': 'j.expected_events', 'lower_value': 'j.lower_events',
            'upper_value': 'j.upper_events'
        }.items() -%}
        {{ events_to_metric(events, 'j') }} as {{ column }},
        {% endfor -%}
        j.metric = 'cpa' as is_inverse
    from judged as j
    where isFinite(j.z)
)

select
    m.workspace as workspace,
    m.platform as platform,
    m.account_id as account_id,
    m.account_name as account_name,
    m.entity_type as entity_type,
    m.entity_id as entity_id,
    m.entity_name as entity_name,
    m.date as date,
    m.metric as metric,
    m.value as value,
    m.expected as expected,
    if(m.is_inverse, m.upper_value, m.lower_value) as lower,
    if(m.is_inverse, m.lower_value, m.upper_value) as upper,
    if(m.is_inverse, -1, 1) * assumeNotNull(m.z) as z_score,
    if(z_score > 0, 'up', 'down') as direction,
    abs(z_score) >= m.z_threshold and not (
        z_score > 0
        and m.metric in ('impressions', 'clicks', 'cost', 'conversions', 'conversion_value')
        and p.workspace != ''
    ) as is_flagged,
    (m.events - m.expected_events) * m.unit * m.rate_of_events as deviation,
    toUInt16(m.baseline_days) as baseline_days,
    m.is_provisional as is_provisional,
    m.maturity as maturity,
    if(m.rate is null, m.account_currency, m.reporting_currency) as currency
from measured as m
left join promoted as p on m.workspace = p.workspace and m.date = p.date
