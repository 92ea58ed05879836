{{ config(materialized='view', settings={}, query_settings={}) }}
{% set others = other_events_are_counted([ref('int_current_exports')], ref('workspaces')) %}

-- The newest export's rows of every account and day, in one unit, one grain a row. Landing made their values
-- when it judged the same cells (include/landing/values.py); int_current_exports says which exports stand.
select
    r.workspace as workspace,
    r.source as platform,
    x.grain as grain,
    nullIf(r.account_id, '') as account_id,
    nullIf(r.account_name, '') as account_name,
    nullIf(r.campaign_id, '') as campaign_id,
    nullIf(r.campaign_name, '') as campaign_name,
    nullIf(r.ad_group_id, '') as ad_group_id,
    nullIf(r.ad_group_name, '') as ad_group_name,
    nullIf(r.ad_id, '') as ad_id,
    nullIf(r.ad_name, '') as ad_name,
    r.segments as segments,
    r.date as date,
    coalesce(r.impressions, if(x.impressions_zero, 0, null)) as impressions,
    coalesce(r.clicks, if(x.clicks_zero, 0, null)) as clicks,
    {{ or_zero('r.cost', 'cost_zero') }} as cost,
    {{ or_zero(of_event('conversions', 1, others), 'conversions_zero') }} as conversions,
    {{ or_zero(of_event('conversion_value', 2, others), 'conversion_value_zero') }} as conversion_value,
    cast(nullIf(r.currency, '') as LowCardinality(Nullable(String))) as currency,
    cast(r.file_id as String) as file_id,
    r.row_number as row_number,
    x.exported_at as exported_at,
    x.restatement_days as restatement_days
from {{ source('raw', 'ad_performance_rows') }} as r
inner join {{ ref('int_current_exports') }} as x
    on r.load_id = x.load_id and r.date = x.date and r.account_id = x.account_id
{%- if others %}
left join {{ source('ops', 'file_ledger') }} as l
    on x.load_id = l.load_id and l.status = 'loaded' and x.event != ''
{%- endif %}
where r.disposition = 'loaded'
