{{ config(materialized='ephemeral', contract={'enforced': false}) }}

-- noqa: disable=RF03
-- An insight for each cause that is at work on a day, with everything it explains as evidence. Days of the
-- same event are one insight: date_start stays, date_end moves on, the money adds up.
with causes as (
    select e.*
    from {{ ref('int_anomaly_events') }} as e
    where e.is_cause and {{ only_anomaly_dates('e.date') }}
),

account_rates as (
    select
        i.workspace as workspace,
        i.platform as platform,
        i.account_id as account_id,
        i.date as date,
        i.rate as rate,
        coalesce(i.account_currency, '') as account_currency,
        i.reporting_currency as reporting_currency
    from {{ ref('int_anomaly_series') }} as i
    where i.entity_type = 'account' and {{ with_history('i.date', 56) }}
),

-- Where some days of an event have no rate, those that have one are told in account currency as well. A day
-- that cannot be is left out.
event_days as (
    select
        c.workspace as workspace,
        c.platform as platform,
        c.account_id as account_id,
        c.entity_type as entity_type,
        c.entity_id as entity_id,
        c.family as family,
        c.date as date,
        arraySort(groupArray(d.date)) as dates,
        uniqExact(coalesce(d.currency, '')) > 1 as is_mixed,
        argMaxIf(r.account_currency, d.date, d.currency = r.account_currency) as unpriced_currency,
        sumMap(map(
            r.account_currency,
            coalesce(
                multiIf(
                    d.currency = r.account_currency, toFloat64(d.impact),
                    d.currency = r.reporting_currency, toFloat64(d.impact) / r.rate,
                    null
                ), 0
            )
        )) as account_amounts,
        if(is_mixed and unpriced_currency != '', unpriced_currency, any(c.currency)) as impact_currency,
        if(
            is_mixed and unpriced_currency != '',
            {{ to_amount('account_amounts[unpriced_currency]') }},
            sumIf(d.impact, coalesce(d.currency, '') = coalesce(c.currency, ''))
        ) as impact
    from causes as c
    inner join {{ ref('int_anomaly_events') }} as d
        on
            c.workspace = d.workspace
            and c.platform = d.platform
            and c.account_id = d.account_id
            and c.entity_type = d.entity_type
            and c.entity_id = d.entity_id
            and c.family = d.family
            and c.event_start = d.event_start
    left join account_rates as r
        on
            d.workspace = r.workspace
            and d.platform = r.platform
            and d.account_id = r.account_id
            and d.date = r.date
    where d.date <= c.date and {{ with_history('d.date', 56) }}
    group by c.workspace, c.platform, c.account_id, c.entity_type, c.entity_id, c.family, c.date
),

day_scores as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.account_id as account_id,
        s.entity_type as entity_type,
        s.entity_id as entity_id,
        s.date as date,
        cast(groupArray((toString(s.metric), s.value)), 'Map(String, Nullable(Float64))') as values,
        cast(groupArray((toString(s.metric), s.expected)), 'Map(String, Nullable(Float64))')
            as expectations,
        cast(groupArray((toString(s.metric), s.lower)), 'Map(String, Nullable(Float64))') as lowers,
        cast(groupArray((toString(s.metric), s.upper)), 'Map(String, Nullable(Float64))') as uppers,
        cast(groupArray((toString(s.metric), s.z_score)), 'Map(String, Float64)') as z_scores,
        cast(groupArray((toString(s.metric), s.span_days)), 'Map(String, UInt8)') as spans,
        arraySort(groupArrayIf(toString(s.metric), s.is_flagged)) as flagged
    from {{ ref('int_anomaly_scores') }} as s
    where
        {{ only_anomaly_dates('s.date') }}
        and (s.workspace, s.platform, s.account_id, s.entity_type, s.entity_id, s.date) in (
            select
                c.workspace,
                c.platform,
                c.account_id,
                c.entity_type,
                c.entity_id,
                c.date
            from causes as c
        )
    group by s.workspace, s.platform, s.account_id, s.entity_type, s.entity_id, s.date
),

children as (
    select
        e.workspace as workspace,
        e.platform as platform,
        e.date as date,
        e.cause_entity_type as cause_entity_type,
        e.cause_account_id as cause_account_id,
        e.cause_entity_id as cause_entity_id,
        count() as number_of,
        arraySlice(
            arraySort(
                x -> (-coalesce(x.impact, 0), x.entity_type, x.entity_id),
                groupArray(
                    cast(
                        (
                            e.entity_type,
                            e.entity_id,
                            e.entity_name,
                            e.account_id,
                            e.kind,
                            e.metric,
                            e.severity,
                            e.impact
                        ),
                        '{{ evidence_child_type() }}'
                    )
                )
            ), 1, 50
        ) as list
    from {{ ref('int_anomaly_events') }} as e
    where not e.is_cause and {{ only_anomaly_dates('e.date') }}
    group by e.workspace, e.platform, e.date, e.cause_entity_type, e.cause_account_id, e.cause_entity_id
),

facts as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'campaign_name', 'entity_type', 'entity_id',
            'entity_name', 'kind',
            'first_kind', 'metric', 'currency', 'severity', 'z_max', 'is_provisional', 'maturity'
        ] -%}
        c.{{ column }} as {{ column }},
        {% endfor -%}
        c.date as date_end,
        c.event_start as date_start,
        d.dates as dates,
        d.impact as impact,
        d.impact_currency as impact_currency,
        s.values as values,
        s.expectations as expectations,
        s.lowers as lowers,
        s.uppers as uppers,
        s.z_scores as z_scores,
        s.spans as spans,
        s.flagged as flagged,
        k.number_of as children_number,
        k.list as children,
        t.z_threshold as z_threshold,
        t.min_insight_amount as min_insight_amount
    from causes as c
    inner join event_days as d
        on
            c.workspace = d.workspace
            and c.platform = d.platform
            and c.account_id = d.account_id
            and c.entity_type = d.entity_type
            and c.entity_id = d.entity_id
            and c.family = d.family
            and c.date = d.date
    left join day_scores as s
        on
            c.workspace = s.workspace
            and c.platform = s.platform
            and c.account_id = s.account_id
            and c.entity_type = s.entity_type
            and c.entity_id = s.entity_id
            and c.date = s.date
    left join children as k
        on
            c.workspace = k.workspace
            and c.platform = k.platform
            and c.date = k.date
            and c.entity_type = k.cause_entity_type
            and c.account_id = k.cause_account_id
            and c.entity_id = k.cause_entity_id
    inner join {{ ref('int_anomaly_thresholds') }} as t on c.workspace = t.workspace
),

words as (
    select
        f.*,
        f.values[f.metric] as value,
        greatest(f.spans[f.metric], 1) as span_days,
        if(
            f.kind = 'data_missing',
            toFloat64(f.impact) / length(f.dates),
            f.expectations[f.metric]
        ) as expected,
        multiIf(
            f.entity_type = 'campaign',
            concat('“', f.entity_name, '” (', f.account_name, ', ', {{ platform_text('f.platform') }}, ')'),
            f.entity_type = 'account',
            concat('“', f.entity_name, '” (', {{ platform_text('f.platform') }}, ')'),
            {{ is_part('f.entity_type') }},
            concat(
                if(f.entity_type = 'ad', 'Ad “', 'Ad group “'), f.entity_name, '” of “', f.campaign_name,
                '” (', f.account_name, ', ', {{ platform_text('f.platform') }}, ')'
            ),
            {{ platform_text('f.platform') }}
        ) as who,
        {{ date_text('f.date_end') }} as day,
        if(
            f.date_start < f.date_end,
            concat('since ', {{ date_text('f.date_start') }}, ' '),
            ''
        ) as since,
        {{ metric_text('f.metric') }} as metric_text,
        {{ value_text('f.metric', 'value', 'f.currency') }} as value_text,
        if(f.kind = 'data_missing', f.impact_currency, f.currency) as expected_currency,
        {{ value_text('f.metric', 'expected', 'expected_currency') }} as expected_text,
        {{ value_text('f.metric', 'f.lowers[f.metric]', 'f.currency') }} as lower_text,
        {{ value_text('f.metric', 'f.uppers[f.metric]', 'f.currency') }} as upper_text,
        {{ money_text('toFloat64(f.impact)', 'f.impact_currency') }} as impact_text,
        coalesce(toDecimalString(value / nullIf(expected, 0), 1), 'many') as times_text,
        concat(
            {{ percent_text('abs(value / nullIf(expected, 0) - 1)') }},
            if(value > expected, ' above', ' below')
        ) as change_text
    from facts as f
)

select
    w.workspace as workspace,
    concat(
        w.first_kind, '|', w.platform, '|', w.account_id, '|', w.entity_type, '|', w.entity_id, '|',
        toString(w.date_start)
    ) as insight_key,
    w.kind as kind,
    w.severity as severity,
    w.entity_type as entity_type,
    w.entity_id as entity_id,
    w.entity_name as entity_name,
    w.platform as platform,
    w.account_id as account_id,
    w.metric as metric,
    w.date_start as date_start,
    w.date_end as date_end,
    {{ anomaly_title('w') }} as title,
    {{ anomaly_body('w') }} as body,
    {{ anomaly_next_step('w') }} as next_step,
    {{ anomaly_impact_basis('w') }} as impact_basis,
    w.impact as impact_amount,
    w.impact_currency as impact_currency,
    -- from one half at the threshold towards 1; young days may still change
    if(w.kind = 'data_missing', 0.95, 1 - 0.5 * exp(-greatest(w.z_max - w.z_threshold, 0) / 3))
    * if(w.is_provisional, 0.85, 1) as confidence,
    toJSONString(cast(
        (
            w.metric, w.value, w.expected, w.lowers[w.metric], w.uppers[w.metric],
            if(w.kind = 'data_missing', null, toNullable(w.z_scores[w.metric])),
            w.maturity,
            w.dates,
            arrayMap(
                m -> (m, w.values[m], w.expectations[m], w.lowers[m], w.uppers[m], w.z_scores[m]),
                w.flagged
            ),
            w.children_number,
            w.children,
            (w.workspace, w.platform, w.account_id, w.entity_type, w.entity_id, w.dates),
            {{ evidence_sql('w') }}
        ),
        '{{ evidence_anomaly_type() }}'
    )) as evidence,
    w.is_provisional as is_provisional
from words as w
where w.impact >= w.min_insight_amount or w.kind in ('duplicate_load', 'partial_load', 'data_missing')
