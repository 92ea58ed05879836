{# Every session of one grain of a property and day is in the mart, once. #}
{% test sessions_agree(model) %}
with facts as (
    select
        workspace, platform, property_id, date, grain,
        sum(sessions) as sessions, sum(key_events) as key_events
    from {{ ref('fct_web_sessions_daily') }}
    where {{ only_tested_dates('date') }} and grain in ('campaign', 'account', 'landing_page')
    group by workspace, platform, property_id, date, grain
    order by indexOf(['campaign', 'account', 'landing_page'], grain)
    limit 1 by workspace, platform, property_id, date
),

both_sides as (
    select 'facts' as side, workspace, date, sessions, key_events from facts
    union all
    select 'mart' as side, workspace, date, sessions, key_events from {{ model }}
)

select workspace, date
from both_sides
group by workspace, date
having
    not (sumIf(sessions, side = 'facts') <=> sumIf(sessions, side = 'mart'))
    or not (sumIf(key_events, side = 'facts') <=> sumIf(key_events, side = 'mart'))
{% endtest %}
