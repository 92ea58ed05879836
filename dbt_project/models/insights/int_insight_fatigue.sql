{{ config(materialized='ephemeral', contract={'enforced': false}) }}

-- noqa: disable=RF03
-- Creative fatigue: ads that are clicked ever less than they were, while the other ads of their campaign are
-- not. The last 7 days are compared with the 21 before, as counts: clicks against impressions times the
-- former click-through rate (the other ads' change taken out). Tired ads of a campaign are one insight.
with last_dates as (
    {{ insight_last_dates('mart_ad_daily', 27) }}
),

days as (
    select
        a.workspace as workspace,
        a.platform as platform,
        {{ keyed_entity('a', 'account') }},
        coalesce(a.campaign_id, a.campaign_name, '') as entity_id,
        coalesce(a.campaign_name, a.campaign_id, '') as entity_name,
        coalesce(a.ad_id, a.ad_name, '') as ad_key,
        coalesce(a.ad_name, a.ad_id, '') as ad_name,
        a.date as date,
        a.impressions as impressions,
        a.clicks as clicks,
        a.cost_reporting as cost,
        a.reporting_currency as currency,
        a.is_provisional as is_provisional,
        {{ window_ends('a.date', 28) }} as date_end
    from {{ ref('mart_ad_daily') }} as a
    where {{ with_history('a.date', 27) }} and a.impressions > 0
),

ads as (
    select
        d.workspace as workspace,
        d.platform as platform,
        d.account_id as account_id,
        d.entity_id as entity_id,
        d.ad_key as ad_key,
        d.date_end as date_end,
        {%- set windows = {
            'recent': 'd.date_end - d.date < 7', 'middle': 'd.date_end - d.date between 7 and 13',
            'former': 'd.date_end - d.date >= 7'
        } %}
        {%- for name in ['account_name', 'entity_name', 'ad_name'] %}
        argMaxIf(d.{{ name }}, d.date, {{ windows['recent'] }}) as {{ name }},
        {%- endfor %}
        min(d.date) as first_seen,
        d.date_end - first_seen + 1 as age,
        {% for name, window in windows.items() -%}
        sumIf(d.impressions, {{ window }}) as impressions_{{ name }},
        sumIf(d.clicks, {{ window }}) as clicks_{{ name }},
        {% endfor -%}
        sumIf(d.cost, {{ windows['recent'] }}) as cost_recent,
        any(d.currency) as currency,
        max(d.is_provisional) as is_provisional
    from days as d
    group by d.workspace, d.platform, d.account_id, d.entity_id, d.ad_key, d.date_end
),

compared as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'entity_id', 'entity_name', 'ad_key', 'ad_name',
            'date_end', 'age', 'clicks_former', 'clicks_recent', 'impressions_recent', 'cost_recent', 'currency',
            'is_provisional'
        ] -%}
        a.{{ column }} as {{ column }},
        {% endfor -%}
        a.clicks_former / nullIf(a.impressions_former, 0) as ctr_former,
        a.clicks_middle / nullIf(a.impressions_middle, 0) as ctr_middle,
        a.clicks_recent / nullIf(a.impressions_recent, 0) as ctr_recent,
        sum(a.clicks_recent) over campaign - a.clicks_recent as others_clicks_recent,
        sum(a.impressions_recent) over campaign - a.impressions_recent as others_impressions_recent,
        sum(a.clicks_former) over campaign - a.clicks_former as others_clicks_former,
        sum(a.impressions_former) over campaign - a.impressions_former as others_impressions_former,
        least(greatest(
            coalesce(
                others_clicks_recent / nullIf(others_impressions_recent, 0)
                / nullIf(others_clicks_former / nullIf(others_impressions_former, 0), 0), 1
            ), 0.7
        ), 1.2) as others_change,
        a.impressions_recent * ctr_former * others_change as expected_clicks,
        2 * (sqrt(a.clicks_recent + 0.375) - sqrt(expected_clicks + 0.375))
        / sqrt(1 + 0.01 * expected_clicks) as z_score,
        s.fatigue_drop as fatigue_drop,
        s.min_insight_amount as min_insight_amount
    from ads as a
    inner join last_dates as l on a.workspace = l.workspace
    inner join {{ ref('int_insight_settings') }} as s on a.workspace = s.workspace
    where a.date_end <= l.last_date
    window campaign as (partition by a.workspace, a.platform, a.account_id, a.entity_id, a.date_end)
),

-- A sudden collapse of the campaign has another cause, and is an anomaly already.
collapses as (
    select distinct
        e.workspace as workspace,
        e.platform as platform,
        e.account_id as account_id,
        e.entity_id as entity_id,
        date_end
    from {{ ref('int_anomaly_events') }} as e
    array join {{ judged_windows('e.date', 14) }} as date_end
    where e.entity_type = 'campaign' and e.family = 'ctr_down' and {{ with_history('e.date', 13) }}
),

tired as (
    select
        c.*,
        (c.expected_clicks - c.clicks_recent) * toFloat64(c.cost_recent) / nullIf(c.clicks_recent, 0)
            as impact
    from compared as c
    where
        c.age >= 21
        and c.clicks_former >= 100
        and c.expected_clicks >= 20
        and coalesce(c.clicks_recent <= (1 - c.fatigue_drop) * c.expected_clicks, false)
        and c.z_score <= -3
        -- step by step: a fall of one day is no wear
        and coalesce(
            c.ctr_recent < c.ctr_middle
            and c.ctr_former - c.ctr_middle >= (c.ctr_former - c.ctr_recent) / 4, false
        )
        and (c.workspace, c.platform, c.account_id, c.entity_id, c.date_end) not in (
            select
                x.workspace,
                x.platform,
                x.account_id,
                x.entity_id,
                x.date_end
            from collapses as x
        )
),

campaigns as (
    select
        t.workspace as workspace,
        t.platform as platform,
        t.account_id as account_id,
        t.entity_id as entity_id,
        t.date_end as date_end,
        t.date_end - 27 as date_start,
        'campaign' as entity_type,
        any(t.account_name) as account_name,
        any(t.entity_name) as entity_name,
        any(t.currency) as currency,
        max(t.is_provisional) as is_provisional,
        count() as tired_ads,
        sum(t.impact) as impact,
        min(t.z_score) as z_worst,
        any(t.min_insight_amount) as min_insight_amount,
        arraySort(x -> (x.5, x.1), groupArray((
            t.ad_key, t.ad_name, t.ctr_recent, t.ctr_former, t.z_score, t.clicks_recent,
            t.expected_clicks, t.age
        ))) as found
    from tired as t
    group by t.workspace, t.platform, t.account_id, t.entity_id, t.date_end
),

words as (
    select
        c.*,
        {{ campaign_text('c') }} as who,
        concat('“', c.found[1] .2, '”') as first_ad,
        {{ percent_text('c.found[1].3') }} as recent_text,
        {{ percent_text('c.found[1].4') }} as former_text,
        {{ money_text('c.impact', 'c.currency') }} as impact_text,
        'Put a fresh creative beside it, and pause it when the new one has proved itself.' as next_step
    from campaigns as c
    where c.impact >= c.min_insight_amount
)

select
    w.workspace as workspace,
    concat(
        'creative_fatigue|', w.platform, '|', w.account_id, '|campaign|', w.entity_id, '|',
        toString(toStartOfMonth(w.date_end))
    ) as insight_key,
    'creative_fatigue' as kind,
    'medium' as severity,
    w.entity_type as entity_type,
    w.entity_id as entity_id,
    w.entity_name as entity_name,
    w.platform as platform,
    w.account_id as account_id,
    'ctr' as metric,
    w.date_start as date_start,
    w.date_end as date_end,
    if(
        w.tired_ads = 1,
        concat('Ad ', w.first_ad, ' of ', w.who, ' is wearing out'),
        concat(toString(w.tired_ads), ' ads of ', w.who, ' are wearing out')
    ) as title,
    concat(
        'After ', toString(w.found[1] .8), if(w.found[1] .8 >= 28, ' days or more', ' days'),
        ' the click-through rate of ',
        w.first_ad, ' is ', w.recent_text, ' in the last 7 days and was ', w.former_text,
        ' in the 21 days before, while the other ads held; the missing clicks are worth ', w.impact_text,
        ' a week. ',
        w.next_step
    ) as body,
    w.next_step as next_step,
    'Clicks missing in 7 days against the ad''s former click-through rate, at its cost per click.'
        as impact_basis,
    {{ to_amount('w.impact') }} as impact_amount,
    w.currency as impact_currency,
    (1 - exp(-abs(w.z_worst) / 3)) * if(w.is_provisional, 0.85, 1) as confidence,
    toJSONString(cast(
        (
            w.tired_ads, w.found, [w.date_start, w.date_end],
            (w.workspace, w.platform, w.account_id, w.entity_type, w.entity_id),
            concat(
                'SELECT date, coalesce(ad_id, ad_name) AS ad_key, ad_name, impressions, clicks, ctr, ',
                'cost_reporting AS cost, reporting_currency AS currency FROM marts.mart_ad_daily',
                ' WHERE workspace = ',
                {{ sql_literal('w.workspace') }}, ' AND platform = ', {{ sql_literal('w.platform') }},
                ' AND coalesce(campaign_id, campaign_name) = ', {{ sql_literal('w.entity_id') }},
                ' AND date BETWEEN ''', toString(w.date_start), ''' AND ''', toString(w.date_end),
                ''' ORDER BY ad_name, date'
            )
        ),
        '{{ evidence_fatigue_type() }}'
    )) as evidence,
    w.is_provisional as is_provisional,
    arrayMap(ad -> (toString(w.platform), w.account_id, ad.1), w.found) as ads
from words as w
