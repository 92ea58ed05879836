{{ config(materialized='view') }}
with sent as (
    select *, regexp_extract(filename, 'exported_(\d+T\d+)', 1) as exported
    from read_csv('{{ env_var("BENCH_FILES") }}', filename = true, all_varchar = true, header = true)
),
standing as (
    select account_id as standing_account, date as standing_date, max(exported) as newest from sent group by 1, 2
)
select
    'bench' as workspace, 'generic' as platform, 'ad' as grain,
    account_id, account_name, campaign_id, campaign_name, ad_group_id, ad_group_name, ad_id, ad_name,
    date::date as date, impressions::bigint as impressions, clicks::bigint as clicks, cost::decimal(18, 6) as cost,
    conversions::decimal(18, 6) as conversions, conversion_value::decimal(18, 6) as conversion_value, currency, exported
from sent
inner join standing on account_id = standing_account and date = standing_date and exported = newest
