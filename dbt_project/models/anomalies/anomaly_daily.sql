{{ config(
    order_by=['workspace', 'platform', 'account_id', 'entity_type', 'entity_id', 'metric'],
    meta={'writes': 'anomaly_dates'}
) }}

-- What a person or a BI tool asks for: the flagged metrics, each with its band and the event that it is part
-- of.
with flagged as (
    select s.*
    from {{ ref('int_anomaly_scores') }} as s
    where s.is_flagged and {{ only_anomaly_dates('s.date') }}
),

events as (
    select e.*
    from {{ ref('int_anomaly_events') }} as e
    where {{ only_anomaly_dates('e.date') }}
)

select
    e.workspace as workspace,
    e.platform as platform,
    nullIf(e.account_id, '') as account_id,
    nullIf(e.account_name, '') as account_name,
    nullIf(e.campaign_id, '') as campaign_id,
    nullIf(e.campaign_name, '') as campaign_name,
    cast(e.entity_type as LowCardinality(String)) as entity_type,
    e.entity_id as entity_id,
    e.entity_name as entity_name,
    e.date as date,
    cast(if(e.kind = 'data_missing', e.metric, f.metric) as LowCardinality(String)) as metric,
    if(e.kind = 'data_missing', null, f.value) as value,
    if(e.kind = 'data_missing', toFloat64(e.impact), f.expected) as expected,
    if(e.kind = 'data_missing', null, f.lower) as lower,
    if(e.kind = 'data_missing', null, f.upper) as upper,
    if(e.kind = 'data_missing', null, toNullable(f.z_score)) as z_score,
    cast(if(e.kind = 'data_missing', 'down', f.direction) as LowCardinality(String)) as direction,
    cast(e.kind as LowCardinality(String)) as kind,
    cast(e.severity as LowCardinality(String)) as severity,
    e.impact as impact_reporting,
    cast(e.currency as LowCardinality(Nullable(String))) as impact_currency,
    if(e.kind = 'data_missing', e.days_seen, f.baseline_days) as baseline_days,
    if(e.kind = 'data_missing', toUInt8(1), f.span_days) as span_days,
    e.is_provisional as is_provisional,
    e.maturity as maturity,
    cast(if(e.event_start < e.date, 'ongoing', 'new') as LowCardinality(String)) as state,
    e.event_start as event_start,
    cast(e.cause_entity_type as LowCardinality(String)) as cause_entity_type,
    nullIf(e.cause_account_id, '') as cause_account_id,
    coalesce(e.cause_entity_id, '') as cause_entity_id
from events as e
left join flagged as f
    on
        e.workspace = f.workspace
        and e.platform = f.platform
        and e.account_id = f.account_id
        and e.entity_type = f.entity_type
        and e.entity_id = f.entity_id
        and e.date = f.date
