select
    workspace, platform, grain, account_id, arg_max(account_name, exported) as account_name, campaign_id,
    arg_max(campaign_name, exported) as campaign_name, ad_group_id, arg_max(ad_group_name, exported) as ad_group_name,
    ad_id, arg_max(ad_name, exported) as ad_name, date, {{ sums() }}, currency,
    sum(cost) as cost_reporting, sum(conversion_value) as conversion_value_reporting, 'USD' as reporting_currency
from {{ ref('stg_ad_performance') }}
where {{ only_dates() }}
group by workspace, platform, grain, account_id, campaign_id, ad_group_id, ad_id, date, currency
