{{ config(
    order_by=['workspace', 'platform', 'grain', 'account_id', 'campaign_id', 'ad_group_id', 'ad_id']
) }}

-- Segments are summed away here, once. All grains stand side by side: nothing may add them.
with sums as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.grain as grain,
        {{ entity_columns('s', ['account', 'campaign', 'ad_group', 'ad'], 'exported_at') }},
        s.date as date,
        sum(s.impressions) as impressions,
        sum(s.clicks) as clicks,
        sum(s.cost) as cost,
        sum(s.conversions) as conversions,
        sum(s.conversion_value) as conversion_value,
        s.currency as currency,
        max(s.date + s.restatement_days >= toDate(s.exported_at)) as is_provisional,
        uniqExact(s.file_id) as file_count,
        max(s.exported_at) as last_exported_at
    from {{ ref('stg_ad_performance') }} as s
    where {{ only_build_dates('s.date') }} and not {{ is_web_analytics('s.platform') }}
    group by
        s.workspace,
        s.platform,
        s.grain,
        {{ entity_key('s', ['account', 'campaign', 'ad_group', 'ad']) }},
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
    s.account_id as account_id,
    s.account_name as account_name,
    s.campaign_id as campaign_id,
    s.campaign_name as campaign_name,
    s.ad_group_id as ad_group_id,
    s.ad_group_name as ad_group_name,
    s.ad_id as ad_id,
    s.ad_name as ad_name,
    s.date as date,
    s.impressions as impressions,
    s.clicks as clicks,
    s.cost as cost,
    s.conversions as conversions,
    s.conversion_value as conversion_value,
    s.currency as currency,
    {{ to_reporting('s.cost') }} as cost_reporting,
    {{ to_reporting('s.conversion_value') }} as conversion_value_reporting,
    s.reporting_currency as reporting_currency,
    toBool(s.is_provisional) as is_provisional,
    s.file_count as file_count,
    s.last_exported_at as last_exported_at
from in_target_currency as s
{{ join_rates() }}
