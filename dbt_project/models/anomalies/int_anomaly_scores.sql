{{ config(
    order_by=['workspace', 'platform', 'account_id', 'entity_type', 'entity_id', 'metric'],
    contract={'enforced': false},
    meta={'writes': 'anomaly_dates', 'sliced_by': 'int_anomaly_series'}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- Count-aware z of every series, metric and day, with the band that counts as normal: see the docs block
-- `count_aware_z`. A row is of the day, or of the 3, 7 or more days that it is flagged for (`span_days`).
with points as (
    select
        {% for column in [
            'series', 'day', 'metric', 'unit', 'events', 'maturity', 'by_weekday', 'by_level', 'noise', 'baseline_days',
            'day_residual', 'week_level', 'earlier_level', 'spread'
        ] -%}
        v.{{ column }} as {{ column }},
        {% endfor -%}
        s.entity_type as entity_type,
        s.is_even as is_even,
        -- where nothing was sold three sums say that rows are there twice, not five: a quarter of the
        -- evidence
        if(coalesce(s.conversions > 0, false), 2.2, 2.7) as doubled_z,
        m.campaigns as campaigns,
        m.is_even as are_even,
        m.movement as movement,
        s.entity_type = 'campaign' as is_campaign,
        if(is_campaign, m.movement, 0) as shared,
        if(is_campaign, m.week_movement, 0) as shared_week,
        t.z_threshold as z_threshold,
        t.level_z_threshold as level_z_threshold,
        log(t.min_volume_factor) as min_volume,
        log(t.min_level_factor) as min_level
    from {{ ref('int_anomaly_volumes') }} as v
    inner join {{ ref('int_anomaly_series') }} as s on v.series = s.series and v.day = s.day
    inner join {{ ref('int_anomaly_thresholds') }} as t on s.workspace = t.workspace
    left join {{ ref('int_anomaly_movements') }} as m
        on
            s.workspace = m.workspace
            and s.platform = m.platform
            and s.account_id = m.account_id
            and s.day = m.day
            and s.entity_type in ('campaign', 'account')
    where {{ only_anomaly_dates('s.date') }} and {{ in_slice('s.day') }}
),

-- How far off a day must be: z, and the log of the change. Less is asked where the day shows its fault:
-- everything is even (counted twice), or an account's campaigns all moved alike (a promotion hardly ever goes
-- so far). A rise asks a tenth more than the threshold, a fall a tenth less: good days are
-- common, and what is missing is seldom chance.
bounds as (
    select
        p.*,
        least(p.by_weekday, p.by_level) * least(exp(p.shared), 1) as low,
        greatest(p.by_weekday, p.by_level) * greatest(exp(p.shared), 1) as high,
        {{ nearest_of('low', 'high', 'p.events') }} as nearest,
        greatest(p.noise, 0.0225) as scatter,
        {{ count_residual('p.events', 'nearest') }} / sqrt(1 + nearest * scatter) as z,
        log((p.events + 0.5) / (nearest + 0.5)) as off,
        p.entity_type = 'account' and p.campaigns >= 3 as is_shared,
        p.is_even and (
            p.is_campaign
            or p.entity_type = 'account' and p.are_even and (p.campaigns < 3 or p.movement >= 0.3)
        ) as is_doubled,
        multiIf(
            is_doubled and is_shared, (0., 0.25),
            is_doubled, (p.doubled_z, 0.3),
            is_shared and p.movement >= 0.45, (0., 0.5),
            (1.1 * p.z_threshold, p.min_volume)
        ) as up,
        if(is_shared and p.movement <= -0.38, (0., 0.3), (0.9 * p.z_threshold, p.min_volume)) as down,
        off >= up.2 and z >= up.1 or off <= -down.2 and z <= -down.1 as is_off,
        -- the last seven days as a whole, against the usual and the level before them
        least(0, p.earlier_level, p.shared_week) as level_low,
        greatest(0, p.earlier_level, p.shared_week) as level_high,
        p.week_level - {{ nearest_of('level_low', 'level_high', 'p.week_level') }} as level_off,
        p.day_residual - {{ nearest_of('level_low', 'level_high', 'p.day_residual') }} as day_off,
        sqrt(greatest(p.spread * p.spread / 2.5, 0.01)) as level_sd,
        greatest(p.level_z_threshold * level_sd, p.min_level) as level_min,
        coalesce(
            abs(level_off) >= level_min and day_off * sign(level_off) >= p.min_level / 2, false
        ) as is_new_level,
        p.by_weekday + 0.5 as middle
    from points as p
),

volume_scores as (
    select
        b.series as series,
        b.day as day,
        b.metric as metric,
        b.unit as unit,
        b.maturity as maturity,
        b.baseline_days as baseline_days,
        toFloat64(1) as exposure,
        is_new_level and not b.is_off as is_level,
        if(is_level, 7, 1) as span_days,
        if(is_level, 'level', 'day') as shape,
        if(is_level, b.level_off / b.level_sd, b.z) as z,
        if(is_level, b.middle * exp(b.week_level) - 0.5, b.events) as events,
        if(
            is_level, b.middle * exp((b.level_low + b.level_high) / 2) - 0.5, (b.low + b.high) / 2
        ) as expected_events,
        greatest(
            if(
                is_level,
                b.middle * exp(b.level_low - b.level_min) - 0.5,
                least(
                    {{ band_edge('b.low', 'b.scatter', 'b.down.1', '-') }},
                    (b.low + 0.5) * exp(-b.down.2) - 0.5
                )
            ), 0
        ) as lower_events,
        if(
            is_level,
            b.middle * exp(b.level_high + b.level_min) - 0.5,
            greatest(
                {{ band_edge('b.high', 'b.scatter', 'b.up.1', '+') }},
                (b.high + 0.5) * exp(b.up.2) - 0.5
            )
        ) as upper_events,
        b.is_off or is_new_level as is_outside,
        b.is_doubled and b.off >= 0.25 as is_doubled,
        {{ leading_rank('b.metric') }} as rank,
        -- conversions go on without their value
        b.metric = 'conversion_value' and b.z <= -5 and b.off <= -2 as is_worthless
    from bounds as b
),

questions as (
    select
        {% for column in [
            'series', 'day', 'metric', 'unit', 'maturity', 'baseline_days', 'week_before'
        ] -%}
        r.{{ column }} as {{ column }},
        {% endfor -%}
        if(empty(m.questions), r.questions, m.questions) as questions,
        m.bands as bands,
        {{ is_part('s.entity_type') }} as is_part,
        t.z_threshold as z_threshold,
        t.z_threshold
        * multiIf(r.metric in ('cvr', 'cpa', 'roi'), 1.1, r.metric = 'cpc', 0.85, 1.) as threshold,
        log(t.min_ratio_factor) as min_ratio,
        t.min_expected_conversions as min_expected
    from {{ ref('int_anomaly_ratios') }} as r
    inner join {{ ref('int_anomaly_series') }} as s on r.series = s.series and r.day = s.day
    inner join {{ ref('int_anomaly_thresholds') }} as t on s.workspace = t.workspace
    left join {{ ref('int_anomaly_mixes') }} as m
        on r.series = m.series and r.day = m.day and r.metric = m.metric
    where {{ only_anomaly_dates('s.date') }} and {{ in_slice('s.day') }}
),

asked as (
    select
        r.*,
        -- a day without any conversion: its chance is asked for once, that of a run of days every day anew
        r.metric in ('cvr', 'cpa') and tupleElement(r.questions[1], 'events') = 0 as has_none,
        arrayFirstIndex(
            (q, n) -> isFinite(tupleElement(q, 'z')) and if(
                n = 4,
                tupleElement(q, 'events') = 0
                and tupleElement(q, 'expected') >= r.min_expected
                or tupleElement(q, 'span') = 2
                and tupleElement(q, 'z') <= -r.z_threshold
                and tupleElement(q, 'off') <= log(0.2)
                and tupleElement(r.questions[1], 'off') <= -r.min_ratio / 2,
                has_none
                and n = 1
                and tupleElement(q, 'expected') >= 0.7 * r.min_expected
                or abs(tupleElement(q, 'z')) >= r.threshold
                and abs(tupleElement(q, 'off')) >= r.min_ratio
                and (
                    n = 1
                    or tupleElement(r.questions[1], 'expected') < 1
                    or sign(tupleElement(q, 'off')) * tupleElement(r.questions[1], 'off') >= r.min_ratio / 2
                )
            ),
            r.questions, arrayEnumerate(r.questions)
        ) as answer,
        r.questions[greatest(answer, 1)] as question,
        if(empty(r.bands), (question.expected, question.expected), r.bands[greatest(answer, 1)]) as band,
        if(answer = 4, r.z_threshold, r.threshold) as asked_z
    from questions as r
),

ratio_scores as (
    select
        a.series as series,
        a.day as day,
        a.metric as metric,
        a.unit as unit,
        a.maturity as maturity,
        a.baseline_days as baseline_days,
        a.question.exposure as exposure,
        false as is_level,
        toUInt8(a.question.span) as span_days,
        multiIf(
            (a.answer = 3 or a.is_part) and a.week_before * sign(a.question.off) >= abs(a.question.off) / 4
            -- a day of a price or CTR that has been on its way for two weeks is no jump
            or a.metric in ('ctr', 'cpc')
            and tupleElement(a.questions[3], 'off') * sign(a.question.off) >= abs(a.question.off) / 2
            and a.week_before * sign(a.question.off) >= abs(a.question.off) / 8,
            'drift',
            a.answer > 1, 'run',
            'day'
        ) as shape,
        a.question.z as z,
        a.question.events as events,
        (a.band.1 + a.band.2) / 2 as expected_events,
        least(
            {{ band_edge('a.band.1', 'a.question.noise', 'a.asked_z', '-') }},
            a.band.1 * exp(-a.min_ratio)
        ) as lower_events,
        greatest(
            {{ band_edge('a.band.2', 'a.question.noise', 'a.asked_z', '+') }},
            a.band.2 * exp(a.min_ratio)
        ) as upper_events,
        a.answer > 0 as is_outside,
        false as is_doubled,
        0 as rank,
        false as is_worthless
    from asked as a
),

-- One cause moves several metrics: impressions (or what there is of volume), CTR, CPC and CVR speak for
-- themselves, the others are told with them.
scores as (
    select
        u.*,
        u.is_outside and (
            u.rank > 0 and u.rank = minIf(u.rank, u.rank > 0) over entity_day
            or u.metric in ('ctr', 'cpc', 'cvr')
            or u.metric = 'cpa' and countIf(u.metric = 'cvr') over entity_day = 0
            or u.is_worthless
        ) as speaks
    from (
        select * from volume_scores
        union all
        select * from ratio_scores
    ) as u
    window entity_day as (partition by u.series, u.day)
),

flags as (
    select
        c.*,
        c.is_outside and max(c.speaks) over (partition by c.series, c.day) as is_told
    from scores as c
),

-- Days on which more is not an anomaly, because someone said so.
promoted as (
    select distinct
        c.workspace as workspace,
        arrayJoin({{ days_between('c.date_start', 'c.date_end') }}) as date
    from {{ ref('promotions') }} as c
),

-- And those on which less is none: the accounts that rest, '' for all.
resting as (
    select
        c.workspace as workspace,
        arrayJoin({{ days_between('c.date_start', 'c.date_end') }}) as date,
        groupUniqArray(coalesce(c.account_id, '')) as accounts
    from {{ ref('holidays') }} as c
    group by c.workspace, date
),

judged as (
    select
        {% for column in [
            'metric', 'baseline_days', 'events', 'unit', 'exposure', 'expected_events', 'lower_events', 'upper_events',
            'z', 'span_days', 'shape', 'is_told', 'is_doubled', 'maturity'
        ] -%}
        c.{{ column }} as {{ column }},
        {% endfor -%}
        {%- for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'campaign_id', 'campaign_name', 'entity_type',
            'entity_id', 'entity_name', 'date', 'rate', 'account_currency', 'reporting_currency', 'is_provisional'
        ] -%}
        s.{{ column }} as {{ column }},
        {% endfor -%}
        if(c.metric in ('cost', 'conversion_value', 'cpc', 'cpa'), coalesce(s.rate, 1), 1) as rate_of_value,
        if(c.metric in ('cost', 'conversion_value', 'cpc', 'roi'), coalesce(s.rate, 1), 1) as rate_of_events
    from flags as c
    inner join {{ ref('int_anomaly_series') }} as s on c.series = s.series and c.day = s.day
    where isFinite(c.z) and {{ only_anomaly_dates('s.date') }} and {{ in_slice('s.day') }}
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
)

select
    m.workspace as workspace,
    m.platform as platform,
    m.account_id as account_id,
    m.account_name as account_name,
    m.campaign_id as campaign_id,
    m.campaign_name as campaign_name,
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
    m.is_told and not (
        m.metric in ('impressions', 'clicks', 'cost', 'conversions', 'conversion_value')
        and (
            z_score > 0 and p.workspace != ''
            -- who rests goes on a little; a platform rests with any of its accounts
            or z_score < 0
            and coalesce(m.value > 0, false)
            and (
                hasAny(h.accounts, ['', m.account_id])
                or m.entity_type = 'platform' and notEmpty(h.accounts)
            )
        )
    ) as is_flagged,
    -- of a day
    (m.events - m.expected_events)
    * m.unit
    * m.rate_of_events
    / if(m.metric in ('ctr', 'cpc', 'cvr', 'cpa', 'roi'), m.span_days, 1) as deviation,
    toUInt8(m.span_days) as span_days,
    m.shape as shape,
    m.is_doubled as is_doubled,
    toUInt16(m.baseline_days) as baseline_days,
    m.is_provisional as is_provisional,
    m.maturity as maturity,
    if(m.rate is null, m.account_currency, m.reporting_currency) as currency
from measured as m
left join promoted as p on m.workspace = p.workspace and m.date = p.date
left join resting as h on m.workspace = h.workspace and m.date = h.date
