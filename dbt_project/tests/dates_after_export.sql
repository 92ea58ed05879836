{{ config(severity='warn') }}

-- Rule 5: dates are the account's local dates; one day ahead of UTC is the latest that an export can know.
select
    workspace,
    platform,
    account_id,
    date,
    max(last_exported_at) as exported_at
from {{ ref('fct_ad_performance_daily') }}
where {{ only_tested_dates('date') }} and date > toDate(last_exported_at) + 1
group by workspace, platform, account_id, date
