{{ config(order_by=['workspace', 'source', 'medium', 'web_campaign']) }}

-- Which campaign of an ad platform the sessions of a source, medium and campaign belong to: the platform
-- by the seed utm_sources, then the campaign whose id, name, or UTM of whose landing pages is the
-- session's campaign. A name that several campaigns of a day share goes to the one with the most clicks,
-- whole: sessions are never counted twice.
with web as (
    select distinct
        w.workspace as workspace,
        w.date as date,
        coalesce(w.source, '') as source,
        coalesce(w.medium, '') as medium,
        coalesce(w.campaign_id, w.campaign_name, '') as web_campaign,
        {{ utm_platform('w.medium') }} as ad_platform,
        {{ utm_names('w') }} as names
    from {{ ref('fct_web_sessions_daily') }} as w
    {{ join_utm_sources('w.source', 'w.medium') }}
    where {{ only_build_dates('w.date') }}
),

campaigns as (
    select
        c.*,
        coalesce(c.account_id, c.account_name, '') as account,
        coalesce(c.campaign_id, c.campaign_name, '') as campaign
    from {{ ref('mart_campaign_daily') }} as c
    where {{ only_build_dates('c.date') }} and coalesce(c.campaign_id, c.campaign_name) is not null
),

utm_of_pages as (
    select distinct
        p.workspace as workspace,
        p.platform as platform,
        coalesce(p.account_id, p.account_name, '') as account,
        coalesce(p.campaign_id, p.campaign_name, '') as campaign,
        p.date as date,
        lower(assumeNotNull(p.utm_campaign)) as name
    from {{ ref('fct_ad_performance_segment_daily') }} as p
    where {{ only_build_dates('p.date') }} and p.utm_campaign is not null
),

named as (
    select
        c.workspace as workspace,
        c.platform as platform,
        c.account as account,
        c.campaign as campaign,
        c.date as date,
        lower(assumeNotNull(c.campaign_id)) as name,
        1 as rank
    from campaigns as c
    where c.campaign_id != ''
    union all
    select
        c.workspace as workspace,
        c.platform as platform,
        c.account as account,
        c.campaign as campaign,
        c.date as date,
        lower(trimBoth(assumeNotNull(c.campaign_name))) as name,
        2 as rank
    from campaigns as c
    where trimBoth(c.campaign_name) != ''
    union all
    select
        u.workspace as workspace,
        u.platform as platform,
        u.account as account,
        u.campaign as campaign,
        u.date as date,
        u.name as name,
        3 as rank
    from utm_of_pages as u
),

ranked as (
    select
        n.*,
        coalesce(c.clicks, 0) as clicks
    from named as n
    inner join campaigns as c
        on
            n.workspace = c.workspace and n.platform = c.platform and n.account = c.account
            and n.campaign = c.campaign and n.date = c.date
),

wanted as (
    select
        w.workspace as workspace,
        w.date as date,
        w.source as source,
        w.medium as medium,
        w.web_campaign as web_campaign,
        w.ad_platform as ad_platform,
        arrayJoin(w.names) as name
    from web as w
    where w.ad_platform != ''
),

matched as (
    select
        w.workspace as workspace,
        w.date as date,
        w.source as source,
        w.medium as medium,
        w.web_campaign as web_campaign,
        argMin((r.account, r.campaign), (r.rank, -r.clicks, r.account, r.campaign)) as best
    from wanted as w
    inner join ranked as r
        on
            w.workspace = r.workspace and w.date = r.date and w.name = r.name
            and w.ad_platform = toString(r.platform)
    group by w.workspace, w.date, w.source, w.medium, w.web_campaign
)

select
    cast(w.workspace as LowCardinality(String)) as workspace,
    w.date as date,
    w.source as source,
    w.medium as medium,
    w.web_campaign as web_campaign,
    cast(max(w.ad_platform) as LowCardinality(String)) as ad_platform,
    max(m.best.1) as account,
    max(m.best.2) as campaign
from web as w
left join matched as m
    on
        w.workspace = m.workspace and w.date = m.date and w.source = m.source and w.medium = m.medium
        and w.web_campaign = m.web_campaign
group by w.workspace, w.date, w.source, w.medium, w.web_campaign
