{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'platform', 'account_id', 'day'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- How the campaigns of an account moved together on a day: a promotion, a holiday and a faulty load touch all
-- of them, what is a campaign's own does not. In logs, from the measure of volume that leads each campaign.
-- Scratch.
with leads as (
    select
        v.series as series,
        v.day as day,
        v.by_level as by_level,
        v.week_level as week_level,
        log(v.events + 0.5) - log({{ nearest_of('v.by_weekday', 'v.by_level', 'v.events') }} + 0.5) as off
    from {{ ref('int_anomaly_volumes') }} as v
    where v.metric in ('impressions', 'clicks', 'cost')
    order by {{ leading_rank('v.metric') }}
    limit 1 by v.series, v.day
)

select
    s.workspace as workspace,
    s.platform as platform,
    s.account_id as account_id,
    s.day as day,
    countIf(l.by_level >= 10) as campaigns,
    if(campaigns >= 3, quantileExactInclusiveIf(0.5)(l.off, l.by_level >= 10), 0) as movement, -- noqa: LT01
    if(
        countIf(l.series != 0 and not isNaN(l.week_level)) >= 4,
        quantileExactInclusiveIf(0.5)(l.week_level, l.series != 0 and not isNaN(l.week_level)), -- noqa: LT01
        0
    ) as week_movement,
    countIf(s.is_even) > 0 and countIf((s.impressions > 0 or s.clicks > 0) and not s.is_even) = 0 as is_even
from {{ ref('int_anomaly_series') }} as s
left join leads as l on s.series = l.series and s.day = l.day
where s.entity_type = 'campaign' and {{ only_anomaly_dates('s.date') }}
group by s.workspace, s.platform, s.account_id, s.day
