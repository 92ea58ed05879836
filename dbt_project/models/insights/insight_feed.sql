{{ config(
    partition_by='date_end',
    order_by=['workspace', 'rank', 'insight_key'],
    meta={'replaces': 'anomaly_dates'}
) }}

-- What is worth saying on a day (date_end), most money times confidence first. An insight that lasts has a
-- row on each of its days, under one key.
with shifts as (
    select s.* from {{ ref('int_insight_budget_shift') }} as s
),

-- A budget shift says of its two campaigns what would be said of them as best and worst.
shifted as (
    select
        s.workspace as workspace,
        s.date_end as date_end,
        s.campaigns.1 as platform,
        s.campaigns.2 as account_id,
        s.campaigns.3 as entity_id
    from shifts as s
    array join s.campaigns
),

performance as (
    select p.*
    from {{ ref('int_insight_performance') }} as p
    where
        p.kind = 'waste'
        or (p.workspace, p.date_end, p.platform, p.account_id, p.entity_id) not in (
            select
                s.workspace,
                s.date_end,
                s.platform,
                s.account_id,
                s.entity_id
            from shifted as s
        )
),

insights as (
    {% for source in [
        ref('int_insight_anomalies'), 'performance', 'shifts', ref('int_insight_fatigue'),
        ref('int_insight_concentration'), ref('int_insight_data')
    ] -%}
    select {{ insight_columns('i') }}
    from {{ source }} as i
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

ranked as (
    select
        i.*,
        row_number() over (
            partition by i.workspace, i.date_end
            order by
                coalesce(toFloat64(i.impact_amount), 0) * coalesce(i.confidence, 0) desc, i.insight_key asc
        ) as place
    from insights as i
)

select
    r.workspace as workspace,
    r.insight_key as insight_key,
    cast(r.kind as LowCardinality(String)) as kind,
    cast(r.severity as LowCardinality(String)) as severity,
    cast(r.entity_type as LowCardinality(String)) as entity_type,
    r.entity_id as entity_id,
    r.entity_name as entity_name,
    r.platform as platform,
    nullIf(r.account_id, '') as account_id,
    cast(r.metric as LowCardinality(String)) as metric,
    r.date_start as date_start,
    r.date_end as date_end,
    assumeNotNull(r.title) as title,
    assumeNotNull(r.body) as body,
    assumeNotNull(r.next_step) as next_step,
    assumeNotNull(r.impact_basis) as impact_basis,
    -- an amount without a currency says nothing
    cast(if(r.impact_currency is null, null, r.impact_amount) as Nullable(Decimal(18, 2))) as impact_amount,
    cast(r.impact_currency as LowCardinality(Nullable(String))) as impact_currency,
    round(coalesce(r.confidence, 0), 4) as confidence,
    toUInt32(r.place) as rank,
    r.evidence as evidence,
    r.is_provisional as is_provisional
from ranked as r
inner join {{ ref('int_anomaly_thresholds') }} as t on r.workspace = t.workspace
where r.place <= t.max_insights_a_day
