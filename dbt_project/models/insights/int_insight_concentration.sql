{{ config(materialized='ephemeral', contract={'enforced': false}) }}

-- noqa: disable=RF03
-- Concentration: a campaign, or a platform,
-- that brings most of the workspace's value of 28 days. A campaign
-- that does is the cause of its platform's share, so that one is not told beside it.
with
-- Campaigns, and with the same reading their platforms.
entities as (
    select
        c.workspace as workspace,
        c.platform as platform,
        if(grouping(c.entity_id) = 0, c.account_id, '') as account_id,
        if(grouping(c.entity_id) = 0, 'campaign', 'platform') as entity_type,
        if(grouping(c.entity_id) = 0, c.entity_id, toString(c.platform)) as entity_id,
        c.date_end as date_end,
        if(entity_type = 'campaign', any(c.account_name), '') as account_name,
        if(entity_type = 'campaign', any(c.entity_name), toString(c.platform)) as entity_name,
        sum(c.rated_value) as value,
        sum(c.rated_cost) as cost,
        bitCount(groupBitOr(c.rated_days)) as days_with_data,
        any(c.currency) as currency,
        max(c.is_rated_provisional) as is_provisional
    from {{ ref('int_insight_campaigns') }} as c
    where c.rated_days > 0
    group by grouping sets (
        (c.workspace, c.platform, c.account_id, c.entity_id, c.date_end),
        (c.workspace, c.platform, c.date_end)
    )
),

shares as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'entity_type', 'entity_id',
            'entity_name', 'date_end', 'value', 'cost', 'days_with_data', 'currency', 'is_provisional'
        ] -%}
        e.{{ column }} as {{ column }},
        {% endfor -%}
        toFloat64(e.value) / nullIf(toFloat64(sum(e.value) over level), 0) as share,
        countIf(coalesce(e.value > 0, false)) over level as contributors,
        toFloat64(e.value) / e.days_with_data as value_a_day,
        s.concentration_share as concentration_share
    from entities as e
    inner join {{ ref('int_insight_settings') }} as s on e.workspace = s.workspace
    window level as (partition by e.workspace, e.entity_type, e.date_end)
),

found as (
    select
        s.*,
        max(s.entity_type = 'campaign') over (partition by s.workspace, s.date_end) as has_campaign
    from shares as s
    where
        s.days_with_data >= 21
        and coalesce(
            s.entity_type = 'campaign' and s.contributors >= 3 and s.share >= s.concentration_share
            or s.entity_type = 'platform'
            and s.contributors >= 2
            and s.share >= 1 - (1 - s.concentration_share) / 2, false
        )
),

words as (
    select
        f.*,
        f.date_end - 27 as date_start,
        if(f.entity_type = 'campaign', {{ campaign_text('f') }}, {{ platform_text('f.platform') }}) as who,
        {{ percent_text('f.share') }} as share_text,
        {{ money_text('f.value_a_day', 'f.currency') }} as day_text,
        concat(
            'Agree beforehand on what takes its place when it stops, and build up the second ',
            f.entity_type, '.'
        ) as next_step
    from found as f
    where f.entity_type = 'campaign' or not f.has_campaign
)

select
    w.workspace as workspace,
    concat(
        'concentration_risk|', w.platform, '|', w.account_id, '|', w.entity_type, '|', w.entity_id, '|',
        toString(toStartOfMonth(w.date_end))
    ) as insight_key,
    'concentration_risk' as kind,
    'low' as severity,
    w.entity_type as entity_type,
    w.entity_id as entity_id,
    w.entity_name as entity_name,
    w.platform as platform,
    nullIf(w.account_id, '') as account_id,
    'conversion_value' as metric,
    w.date_start as date_start,
    w.date_end as date_end,
    concat(w.who, ' brings ', w.share_text, ' of all value') as title,
    concat(
        'Of the value of the last 28 days ', w.share_text, ' comes from one ', w.entity_type,
        '; each day that it stands still costs about ',
        w.day_text, '. ', w.next_step
    ) as body,
    w.next_step as next_step,
    'Its mean value of a day over 28 days: what one day without it costs.' as impact_basis,
    {{ to_amount('w.value_a_day') }} as impact_amount,
    w.currency as impact_currency,
    -- a risk, not an event: half of what a certain loss would weigh, more where all depends on it
    0.5 * w.share * if(w.is_provisional, 0.85, 1) as confidence,
    toJSONString(cast(
        (
            w.share, toFloat64(w.value), toFloat64(w.cost), w.contributors, [w.date_start, w.date_end],
            (w.workspace, w.platform, w.account_id, w.entity_type, w.entity_id),
            {{ evidence_sql('w', days=0) }}
        ),
        '{{ evidence_concentration_type() }}'
    )) as evidence,
    w.is_provisional as is_provisional
from words as w
