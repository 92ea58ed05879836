{{ config(order_by=['workspace', 'kind', 'platform']) }}

-- What cannot be joined: spend whose clicks arrive without its UTMs (on days on which the workspace has
-- sessions at all), and paid sessions whose campaign no platform reports.
select
    u.workspace as workspace,
    cast(
        if(u.match = 'spend_only', 'spend_without_utm', 'utm_without_campaign') as LowCardinality(String)
    ) as kind,
    u.platform as platform,
    u.account_id as account_id,
    u.account_name as account_name,
    u.campaign_id as campaign_id,
    u.campaign_name as campaign_name,
    u.utm_source as utm_source,
    u.utm_medium as utm_medium,
    u.utm_campaign as utm_campaign,
    u.date as date,
    u.clicks as clicks,
    u.cost as cost,
    u.currency as currency,
    u.cost_reporting as cost_reporting,
    u.sessions as sessions,
    u.key_events as key_events,
    u.revenue_reporting as revenue_reporting,
    u.reporting_currency as reporting_currency,
    u.is_provisional as is_provisional
from {{ ref('mart_utm_daily') }} as u
where
    {{ only_build_dates('u.date') }}
    and (
        (
            u.match = 'spend_only' and u.cost > 0
            and (u.workspace, u.date) in (
                select
                    w.workspace,
                    w.date
                from {{ ref('fct_web_sessions_daily') }} as w
                where {{ only_build_dates('w.date') }} and w.grain != 'event'
            )
        )
        or (u.match = 'sessions_only' and u.platform is not null)
    )
