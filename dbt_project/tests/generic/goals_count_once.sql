{# Where a workspace has a goal, the mart counts what the goal's source has, no more and no less; where it has none, what
   the platforms report. Cost is that of all campaigns but those of the goal's own table. #}
{% test goals_count_once(model) %}
with goals as (
    select workspace, toString(source) as source, ifNull(event_name, '') as event_name
    from {{ ref('goals') }}
    where source != ''
),

web as (
    select f.workspace as workspace, f.date as date, f.key_events as key_events, f.grain as grain, f.property_id as property_id
    from {{ ref('fct_web_sessions_daily') }} as f
    inner join goals as g on f.workspace = g.workspace and toString(f.platform) = g.source
    where
        {{ only_tested_dates('date') }}
        and if(g.event_name = '', f.grain != 'event', f.grain = 'event' and f.event_name = g.event_name)
    qualify
        indexOf(['campaign', 'account', 'landing_page', 'event'], grain)
        = min(indexOf(['campaign', 'account', 'landing_page', 'event'], grain)) over (partition by workspace, property_id, date)
),

sides as (
    select 'mart' as side, workspace, date, toFloat64(counted_conversions) as counted, toFloat64(cost_reporting) as cost
    from {{ model }}
    union all
    select 'truth' as side, workspace, date, toFloat64(key_events) as counted, null as cost
    from web
    union all
    select
        'truth' as side, c.workspace as workspace, c.date as date,
        multiIf(
            g.source = '', toFloat64(c.conversions), toString(c.platform) = g.source, toFloat64(c.conversions), null
        ) as counted,
        if(toString(c.platform) = g.source, null, toFloat64(c.cost_reporting)) as cost
    from {{ ref('mart_campaign_daily') }} as c
    left join goals as g on c.workspace = g.workspace
    where {{ only_tested_dates('c.date') }}
)

select workspace, date
from sides
group by workspace, date
having
    abs(ifNull(sumIf(counted, side = 'mart'), 0) - ifNull(sumIf(counted, side = 'truth'), 0)) > 1e-6
    or abs(ifNull(sumIf(cost, side = 'mart'), 0) - ifNull(sumIf(cost, side = 'truth'), 0)) > 1e-3
{% endtest %}
