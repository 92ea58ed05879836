-- Rule 6: a day is provisional exactly when its standing export was made within the restatement window.
with both_sides as (
    select
        'staging' as side,
        workspace,
        platform,
        grain,
        account_id,
        date,
        toUInt8(dateDiff('day', date, toDate(exported_at)) <= restatement_days) as provisional
    from {{ ref('stg_ad_performance') }}
    where {{ only_tested_dates('date') }} and not {{ is_web_analytics('platform') }}
    union all
    select
        'facts' as side,
        workspace,
        platform,
        grain,
        account_id,
        date,
        toUInt8(is_provisional) as provisional
    from {{ ref('fct_ad_performance_daily') }}
    where {{ only_tested_dates('date') }}
)

select
    workspace,
    platform,
    grain,
    account_id,
    date
from both_sides
group by workspace, platform, grain, account_id, date
having maxIf(provisional, side = 'staging') != maxIf(provisional, side = 'facts')
