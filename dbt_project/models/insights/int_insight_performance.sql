{{ config(materialized='ephemeral', contract={'enforced': false}) }}

-- noqa: disable=RF03
-- Waste, best and worst of the last 7 days, campaign by campaign. They last: the key holds the month, so that
-- the same campaign is news neither every morning nor every Monday.
with weeks as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'entity_id', 'entity_name', 'date_end', 'currency'
        ] -%}
        c.{{ column }} as {{ column }},
        {% endfor -%}
        c.first_day_7 as date_start,
        c.days_7 as days_with_data,
        c.clicks_7 as clicks,
        c.conversions_7 as conversions,
        c.cost_7 as cost,
        c.value_7 as value,
        c.is_provisional_7 as is_provisional
    from {{ ref('int_insight_campaigns') }} as c
    where
        c.days_7 > 0 and not c.has_no_rate_7 and c.cost_7 > 0
        -- A campaign whose tracking broke in these days is an anomaly already; its return says nothing, nor
        -- is it part of what others are held against.
        and {{ is_none_of_problems('c', 'is_broken_7') }}
),

-- Peers are the other campaigns of the account. Sums are Decimal: a re-run gives the same to the digit.
compared as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'entity_id', 'entity_name', 'date_end',
            'date_start', 'days_with_data', 'clicks', 'currency', 'is_provisional'
        ] -%}
        w.{{ column }} as {{ column }},
        {% endfor -%}
        toFloat64(w.conversions) as conversions,
        toFloat64(w.cost) as cost,
        toFloat64(w.value) as value,
        t.min_waste_cost as min_waste_cost,
        t.min_performer_cost as min_performer_cost,
        t.min_insight_amount as min_insight_amount,
        toFloat64(sum(w.cost) over account - w.cost) as peer_cost,
        toFloat64(sum(w.conversions) over account - coalesce(w.conversions, 0)) as peer_conversions,
        toFloat64(sum(w.value) over account - coalesce(w.value, 0)) as peer_value,
        toFloat64(w.cost) * peer_conversions / nullIf(peer_cost, 0) as conversions_at_peer_rate,
        {{ takes_no_more('w.entity_name') }} as is_full,
        -- held against those that money can move to: where no more is to be had, a return is no alternative
        w.value is not null and not is_full as is_measure,
        toFloat64(sumIf(w.value, is_measure) over everything)
        / nullIf(toFloat64(sumIf(w.cost, is_measure) over everything), 0) as usual_roas,
        toFloat64(sum(w.cost) over everything) as all_cost,
        toFloat64(w.value) / toFloat64(w.cost) as roas
    from weeks as w
    inner join {{ ref('int_anomaly_thresholds') }} as t on w.workspace = t.workspace
    inner join {{ ref('int_insight_settings') }} as s on w.workspace = s.workspace
    window
        account as (partition by w.workspace, w.platform, w.account_id, w.date_end),
        everything as (partition by w.workspace, w.date_end)
),

-- Waste: with what its peers get for the money, 3 conversions or more were to be expected; none at all then
-- has a chance below 5 %.
judged as (
    select
        c.*,
        coalesce(
            c.cost >= c.min_waste_cost
            and c.value = 0
            and c.conversions = 0
            and c.peer_value > 0
            and c.conversions_at_peer_rate >= 3, false
        ) as is_waste,
        -- what a fifth of a day's budget brings more or less here than in the average campaign; of a day on
        -- which it ran, for a campaign may be younger than the 7 days
        0.2 * c.cost / c.days_with_data * (c.roas - c.usual_roas) as gain,
        abs(log(c.roas / nullIf(c.usual_roas, 0))) * sqrt(c.conversions) as distance,
        coalesce(
            c.days_with_data >= 5
            and c.cost >= greatest(c.min_performer_cost, 0.01 * c.all_cost)
            and c.conversions >= 10
            and abs(gain) >= c.min_insight_amount
            and distance >= 1
            -- another insight says what is wrong already
            and {{ is_none_of_problems('c', 'is_told_7') }}, false
        ) as is_comparable,
        -- none asks for more where no more is to be had
        is_comparable and gain > 0 and not c.is_full as may_be_best
    from compared as c
),

ranked as (
    select
        j.*,
        row_number() over (
            partition by j.workspace, j.date_end, j.may_be_best
            order by j.gain desc, j.entity_id asc
        ) as from_best,
        row_number() over (
            partition by j.workspace, j.date_end, j.is_comparable and j.gain < 0
            order by j.gain asc, j.entity_id asc
        ) as from_worst
    from judged as j
),

chosen as (
    select
        r.*,
        multiIf(
            r.is_waste, 'waste',
            r.may_be_best and r.from_best <= 3, 'top_performer',
            r.is_comparable and r.gain < 0 and r.from_worst <= 3, 'worst_performer',
            ''
        ) as kind,
        'campaign' as entity_type,
        if(kind = 'waste', r.cost, abs(r.gain)) as impact,
        {{ campaign_text('r') }} as who,
        concat(
            'from ', {{ date_text('r.date_start') }}, ' to ', {{ date_text('r.date_end') }}
        ) as span,
        {{ money_text('r.cost', 'r.currency') }} as cost_text,
        {{ money_text('r.value', 'r.currency') }} as value_text,
        {{ money_text('impact', 'r.currency') }} as impact_text,
        {{ money_text('r.roas', 'r.currency') }} as roas_text,
        {{ money_text('r.usual_roas', 'r.currency') }} as usual_roas_text,
        multiIf(
            kind = 'waste',
            'Check that its conversions are counted; if they are, pause it or move its budget to its peers.',
            kind = 'top_performer',
            concat(
                'Try 20 % more budget here: at the same return it brings about ', impact_text,
                ' a day more than elsewhere.'
            ),
            concat(
                'Move 20 % of its budget to better campaigns: at their return that brings about ',
                impact_text, ' a day more.'
            )
        ) as next_step
    from ranked as r
)

select
    c.workspace as workspace,
    concat(
        c.kind, '|', c.platform, '|', c.account_id, '|campaign|', c.entity_id, '|',
        toString(toStartOfMonth(c.date_end))
    ) as insight_key,
    c.kind as kind,
    multiIf(
        c.kind = 'top_performer', 'low', c.kind = 'waste' and c.cost >= 0.02 * c.all_cost, 'high', 'medium'
    ) as severity,
    c.entity_type as entity_type,
    c.entity_id as entity_id,
    c.entity_name as entity_name,
    c.platform as platform,
    c.account_id as account_id,
    if(c.kind = 'waste', 'conversion_value', 'roi') as metric,
    c.date_start as date_start,
    c.date_end as date_end,
    multiIf(
        c.kind = 'waste',
        concat(
            c.who, ' spent ', c.cost_text, ' in ', toString(c.date_end - c.date_start + 1),
            ' days without a conversion'
        ),
        c.kind = 'top_performer',
        concat(c.who, ' brings back ', c.roas_text, ' for each ', c.currency, ' 1 spent'),
        concat(c.who, ' brings back only ', c.roas_text, ' for each ', c.currency, ' 1 spent')
    ) as title,
    multiIf(
        c.kind = 'waste',
        concat(
            'At the rate of the other campaigns of its account about ',
            coalesce(toString({{ to_decimal('round(c.conversions_at_peer_rate)', 0) }}), '?'),
            ' conversions were to be expected ', c.span, ', and there was none. ', c.next_step
        ),
        concat(
            'F', substring(c.span, 2), ' it turned ', c.cost_text, ' into ', c.value_text,
            '; campaigns that can take more budget bring back ', c.usual_roas_text, ' for each ', c.currency,
            ' 1. ', c.next_step
        )
    ) as body,
    c.next_step as next_step,
    if(
        c.kind = 'waste', 'Its spend of these days.',
        concat(
            'A fifth of a day''s spend × its return less that of the campaigns that can take more budget ',
            'and whose conversions are counted, over the days with data of 7.'
        )
    ) as impact_basis,
    {{ to_amount('c.impact') }} as impact_amount,
    c.currency as impact_currency,
    if(c.kind = 'waste', 1 - exp(-c.conversions_at_peer_rate), c.distance / (c.distance + 2))
    * if(c.is_provisional, 0.85, 1) as confidence,
    toJSONString(cast(
        (
            c.cost, c.value, c.conversions, c.clicks, c.roas - 1, c.usual_roas - 1, c.peer_cost,
            c.peer_value,
            c.conversions_at_peer_rate, c.days_with_data, [c.date_start, c.date_end],
            (c.workspace, c.platform, c.account_id, c.entity_type, c.entity_id),
            {{ evidence_sql('c', days=0) }}
        ),
        '{{ evidence_performance_type() }}'
    )) as evidence,
    c.is_provisional as is_provisional
from chosen as c
where c.kind != ''
