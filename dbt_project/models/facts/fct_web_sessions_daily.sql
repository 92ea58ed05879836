{{ config(order_by=['workspace', 'platform', 'grain', 'property_id', 'source', 'medium']) }}

-- Devices, countries and channels are summed away. A report by event counts a session once an event: not
-- here.
with sums as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.grain as grain,
        s.property_id as property_id,
        s.source as source,
        s.medium as medium,
        s.campaign_id as campaign_id,
        argMax(s.campaign_name, (s.exported_at, s.campaign_name)) as campaign_name,
        s.event_name as event_name,
        s.date as date,
        if(s.grain = 'event', null, sum(s.sessions)) as sessions,
        if(s.grain = 'event', null, sum(s.engaged_sessions)) as engaged_sessions,
        sum(s.key_events) as key_events,
        sum(s.revenue) as revenue,
        s.currency as currency,
        max(s.date + s.restatement_days >= toDate(s.exported_at)) as is_provisional,
        max(s.exported_at) as last_exported_at
    from {{ ref('stg_web_sessions') }} as s
    where {{ only_build_dates('s.date') }}
    group by
        s.workspace,
        s.platform,
        s.grain,
        s.property_id,
        s.source,
        s.medium,
        s.campaign_id,
        coalesce(s.campaign_id, s.campaign_name),
        s.event_name,
        s.date,
        s.currency
),

in_target_currency as (
    select
        sums.*,
        cast({{ reporting_currency_of('w') }} as LowCardinality(String)) as reporting_currency
    from sums
    left join {{ ref('workspaces') }} as w on sums.workspace = w.workspace
)

select
    s.workspace as workspace,
    s.platform as platform,
    s.grain as grain,
    s.property_id as property_id,
    s.source as source,
    s.medium as medium,
    s.campaign_id as campaign_id,
    s.campaign_name as campaign_name,
    s.event_name as event_name,
    s.date as date,
    s.sessions as sessions,
    s.engaged_sessions as engaged_sessions,
    s.key_events as key_events,
    s.revenue as revenue,
    s.currency as currency,
    {{ to_reporting('s.revenue') }} as revenue_reporting,
    s.reporting_currency as reporting_currency,
    toBool(s.is_provisional) as is_provisional,
    s.last_exported_at as last_exported_at
from in_target_currency as s
{{ join_rates() }}
