{{ config(order_by=['workspace', 'platform', 'account_id', 'campaign_id']) }}

-- What platforms claim beside what the workspace itself counted (seed goals). Platforms claim the same
-- purchase each, so `counted_*` is the goal where the workspace has one, and what the platform reports
-- where it has none: only that adds up. What the goal counted outside any campaign (organic, direct,
-- unknown UTMs) is a row without a campaign.
with goals as (
    select
        g.workspace as workspace,
        g.goal as goal,
        toString(g.source) as source,
        coalesce(g.event_name, '') as event_name
    from {{ ref('goals') }} as g
    where g.source != ''
),

sessions_web as (
    {{ attributed_sessions() }}
),

attribution as (
    select u.*
    from {{ ref('int_utm_campaigns_daily') }} as u
    where {{ only_build_dates('u.date') }}
),

-- Key events of all kinds stand with the sessions; those of one event in reports by event.
of_web as (
    select
        w.workspace as workspace,
        w.date as date,
        toString(w.ad_platform) as ad_platform,
        w.account as account,
        w.campaign as campaign,
        w.key_events as conversions,
        w.revenue as value,
        w.revenue_reporting as value_reporting,
        w.is_provisional as is_provisional
    from sessions_web as w
    inner join goals as g on w.workspace = g.workspace and toString(w.platform) = g.source
    where g.event_name = ''
    union all
    select
        w.workspace as workspace,
        w.date as date,
        toString(m.ad_platform) as ad_platform,
        m.account as account,
        m.campaign as campaign,
        w.key_events as conversions,
        w.revenue as value,
        w.revenue_reporting as value_reporting,
        w.is_provisional as is_provisional
    from {{ ref('fct_web_sessions_daily') }} as w
    inner join goals as g on w.workspace = g.workspace and toString(w.platform) = g.source
    left join attribution as m
        on
            w.workspace = m.workspace and w.date = m.date and coalesce(w.source, '') = m.source
            and coalesce(w.medium, '') = m.medium
            and coalesce(w.campaign_id, w.campaign_name, '') = m.web_campaign
    where
        {{ only_build_dates('w.date') }}
        and w.grain = 'event'
        and g.event_name != ''
        and w.event_name = g.event_name
),

campaigns as (
    {{ keyed_campaigns() }}
),

ads as (
    select c.*
    from campaigns as c
    where (c.workspace, toString(c.platform)) not in (
        select
            g.workspace,
            g.source
        from goals as g
    )
),

-- Each under its id and its name.
ads_by_name as (
    select
        x.workspace as workspace,
        x.date as date,
        x.platform as platform,
        x.account as account,
        x.campaign as campaign,
        x.campaign_id as campaign_id,
        coalesce(x.clicks, 0) as clicks,
        arrayJoin({{ utm_names('x') }}) as name
    from ads as x
),

-- A table of the workspace's own: its campaign is that of the ads whose id, else name, it carries (most
-- clicks first).
of_table as (
    select
        t.workspace as workspace,
        t.date as date,
        argMax(toString(a.platform), (a.campaign_id = t.campaign_id, a.clicks, a.platform, a.account))
            as ad_platform,
        argMax(a.account, (a.campaign_id = t.campaign_id, a.clicks, a.platform, a.account)) as account,
        argMax(a.campaign, (a.campaign_id = t.campaign_id, a.clicks, a.platform, a.account)) as campaign,
        any(t.conversions) as conversions,
        any(t.conversion_value) as value,
        any(t.conversion_value_reporting) as value_reporting,
        any(t.is_provisional) as is_provisional
    from campaigns as t
    inner join goals as g on t.workspace = g.workspace and toString(t.platform) = g.source
    left join ads_by_name as a
        on t.workspace = a.workspace and t.date = a.date and lower(t.campaign) = a.name
    group by t.workspace, t.date, t.account, t.campaign
),

counted as (
    select *
    from of_web
    union all
    select *
    from of_table
),

own as (
    select
        o.workspace as workspace,
        o.date as date,
        o.ad_platform as ad_platform,
        o.account as account,
        o.campaign as campaign,
        sum(o.conversions) as conversions,
        if(countIf(o.value is not null and o.value_reporting is null) > 0, null, sum(o.value_reporting))
            as value,
        max(o.is_provisional) as is_provisional,
        count() as found
    from counted as o
    group by o.workspace, o.date, o.ad_platform, o.account, o.campaign
),

-- A day on which the goal's source has rows: then a campaign without any has none, not an unknown number.
days_with_goal as (
    select distinct
        o.workspace as workspace,
        o.date as date
    from own as o
),

own_of_campaigns as (
    select o.*
    from own as o
    where o.campaign != ''
),

both_sides as (
    select
        a.workspace as workspace,
        toString(a.platform) as platform,
        a.account_id as account_id,
        a.account_name as account_name,
        a.campaign_id as campaign_id,
        a.campaign_name as campaign_name,
        a.date as date,
        a.cost as cost,
        a.currency as currency,
        a.cost_reporting as cost_reporting,
        a.conversions as reported_conversions,
        a.conversion_value_reporting as reported_value_reporting,
        toString(a.reporting_currency) as reporting_currency,
        if(
            o.found > 0, o.conversions,
            if(
                (a.workspace, a.date) in (
                    select
                        d.workspace,
                        d.date
                    from days_with_goal as d
                ), 0, null
            )
        ) as goal_conversions,
        if(
            o.found > 0, o.value,
            if(
                (a.workspace, a.date) in (
                    select
                        d.workspace,
                        d.date
                    from days_with_goal as d
                ), 0, null
            )
        ) as goal_value_reporting,
        toBool(a.is_provisional or o.is_provisional) as is_provisional
    from ads as a
    left join own_of_campaigns as o
        on
            a.workspace = o.workspace and a.date = o.date and toString(a.platform) = o.ad_platform
            and a.account = o.account and a.campaign = o.campaign
    union all
    select
        o.workspace as workspace,
        o.ad_platform as platform,
        null as account_id,
        null as account_name,
        null as campaign_id,
        null as campaign_name,
        o.date as date,
        null as cost,
        null as currency,
        null as cost_reporting,
        null as reported_conversions,
        null as reported_value_reporting,
        {{ reporting_currency_of('w') }} as reporting_currency,
        o.conversions as goal_conversions,
        o.value as goal_value_reporting,
        o.is_provisional as is_provisional
    from own as o
    left join {{ ref('workspaces') }} as w on o.workspace = w.workspace
    where o.campaign = ''
)

select
    cast(b.workspace as LowCardinality(String)) as workspace,
    cast(nullIf(b.platform, '') as LowCardinality(Nullable(String))) as platform,
    b.account_id as account_id,
    b.account_name as account_name,
    b.campaign_id as campaign_id,
    b.campaign_name as campaign_name,
    b.date as date,
    nullIf(g.goal, '') as goal,
    b.cost as cost,
    cast(b.currency as LowCardinality(Nullable(String))) as currency,
    b.cost_reporting as cost_reporting,
    b.reported_conversions as reported_conversions,
    b.reported_value_reporting as reported_value_reporting,
    cast(b.goal_conversions as Nullable(Decimal(38, 6))) as goal_conversions,
    cast(b.goal_value_reporting as Nullable(Decimal(38, 6))) as goal_value_reporting,
    cast(if(g.goal != '', b.goal_conversions, b.reported_conversions) as Nullable(Decimal(38, 6)))
        as counted_conversions,
    cast(if(g.goal != '', b.goal_value_reporting, b.reported_value_reporting) as Nullable(Decimal(38, 6)))
        as counted_value_reporting,
    {{ cpa('b.cost_reporting', 'counted_conversions') }} as counted_cpa_reporting,
    {{ roas('counted_value_reporting', 'b.cost_reporting') }} as counted_roas_reporting,
    {{ roi('counted_value_reporting', 'b.cost_reporting') }} as counted_roi_reporting,
    cast(b.reporting_currency as LowCardinality(String)) as reporting_currency,
    b.is_provisional as is_provisional
from both_sides as b
left join goals as g on b.workspace = g.workspace
