{{ config(order_by=['workspace', 'platform', 'account_id', 'campaign_id']) }}

-- A campaign and day with its spend, once, beside all sessions that its UTMs brought; and the sessions
-- that belong to no campaign, by source, medium and campaign.
with web as (
    {{ attributed_sessions() }}
),

by_campaign as (
    select
        w.workspace as workspace,
        w.date as date,
        w.ad_platform as ad_platform,
        w.account as account,
        w.campaign as campaign,
        if(w.campaign = '', w.utm_source_key, '') as source_key,
        if(w.campaign = '', w.utm_medium_key, '') as medium_key,
        if(w.campaign = '', w.web_campaign, '') as campaign_key,
        argMax(w.source, (coalesce(w.sessions, 0), w.utm_source_key)) as utm_source,
        argMax(w.medium, (coalesce(w.sessions, 0), w.utm_medium_key)) as utm_medium,
        argMax(coalesce(w.campaign_name, w.campaign_id), (coalesce(w.sessions, 0), w.web_campaign))
            as utm_campaign,
        uniqExact(w.utm_source_key, w.utm_medium_key, w.web_campaign) as utm_combinations,
        sum(w.sessions) as sessions,
        sum(w.engaged_sessions) as engaged_sessions,
        sum(w.key_events) as key_events,
        if(
            countIf(w.revenue is not null and w.revenue_reporting is null) > 0, null, sum(w.revenue_reporting)
        ) as revenue_reporting,
        max(w.is_provisional) as is_provisional,
        any(w.reporting_currency) as reporting_currency
    from web as w
    group by
        w.workspace,
        w.date,
        w.ad_platform,
        w.account,
        w.campaign,
        source_key,
        medium_key,
        campaign_key
),

of_campaigns as (
    select b.*
    from by_campaign as b
    where b.campaign != ''
),

campaigns as (
    {{ keyed_campaigns() }}
),

joined as (
    select
        c.workspace as workspace,
        toString(c.platform) as platform,
        c.account_id as account_id,
        c.account_name as account_name,
        c.campaign_id as campaign_id,
        c.campaign_name as campaign_name,
        if(w.utm_combinations > 0, 'matched', 'spend_only') as match,
        w.utm_source as utm_source,
        w.utm_medium as utm_medium,
        w.utm_campaign as utm_campaign,
        w.utm_combinations as utm_combinations,
        c.date as date,
        c.impressions as impressions,
        c.clicks as clicks,
        c.cost as cost,
        c.currency as currency,
        c.cost_reporting as cost_reporting,
        toString(c.reporting_currency) as reporting_currency,
        w.sessions as sessions,
        w.engaged_sessions as engaged_sessions,
        w.key_events as key_events,
        w.revenue_reporting as revenue_reporting,
        toBool(c.is_provisional or w.is_provisional) as is_provisional
    from campaigns as c
    left join of_campaigns as w
        on
            c.workspace = w.workspace and c.date = w.date and toString(c.platform) = toString(w.ad_platform)
            and c.account = w.account and c.campaign = w.campaign
    union all
    select
        w.workspace as workspace,
        toString(w.ad_platform) as platform,
        null as account_id,
        null as account_name,
        null as campaign_id,
        null as campaign_name,
        'sessions_only' as match,
        w.utm_source as utm_source,
        w.utm_medium as utm_medium,
        w.utm_campaign as utm_campaign,
        w.utm_combinations as utm_combinations,
        w.date as date,
        null as impressions,
        null as clicks,
        null as cost,
        null as currency,
        null as cost_reporting,
        toString(w.reporting_currency) as reporting_currency,
        w.sessions as sessions,
        w.engaged_sessions as engaged_sessions,
        w.key_events as key_events,
        w.revenue_reporting as revenue_reporting,
        w.is_provisional as is_provisional
    from by_campaign as w
    where w.campaign = ''
)

select
    cast(j.workspace as LowCardinality(String)) as workspace,
    cast(nullIf(j.platform, '') as LowCardinality(Nullable(String))) as platform,
    j.account_id as account_id,
    j.account_name as account_name,
    j.campaign_id as campaign_id,
    j.campaign_name as campaign_name,
    cast(j.match as LowCardinality(String)) as match,
    j.utm_source as utm_source,
    j.utm_medium as utm_medium,
    j.utm_campaign as utm_campaign,
    j.utm_combinations as utm_combinations,
    j.date as date,
    j.impressions as impressions,
    j.clicks as clicks,
    j.cost as cost,
    cast(j.currency as LowCardinality(Nullable(String))) as currency,
    j.cost_reporting as cost_reporting,
    j.sessions as sessions,
    j.engaged_sessions as engaged_sessions,
    j.key_events as key_events,
    j.revenue_reporting as revenue_reporting,
    {{ sessions_per_click('j.sessions', 'j.clicks') }} as sessions_per_click,
    {{ cost_per_session('j.cost_reporting', 'j.sessions') }} as cost_per_session_reporting,
    {{ cost_per_key_event('j.cost_reporting', 'j.key_events') }} as cost_per_key_event_reporting,
    {{ roas('j.revenue_reporting', 'j.cost_reporting') }} as web_roas_reporting,
    cast(j.reporting_currency as LowCardinality(String)) as reporting_currency,
    j.is_provisional as is_provisional
from joined as j
