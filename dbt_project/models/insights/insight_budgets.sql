{{ config(materialized='view', settings={}, query_settings={}) }}

-- noqa: disable=RF03
-- Budgets that their month will miss, one row a budget and month, told on the newest day that has data. A
-- view: mart_budget_pacing knows no yesterday, so that a row of the feed would stay behind on the day before.
with feed_scores as (
    select
        i.workspace as workspace,
        i.date_end as date_end,
        groupArray(coalesce(toFloat64(i.impact_amount), 0) * i.confidence) as scores
    from {{ ref('insight_feed') }} as i
    where
        i.date_end in (
            select p.as_of
            from {{ ref('mart_budget_pacing') }} as p
            where p.status in ('over', 'under')
        )
    group by i.workspace, i.date_end
),

rates as (
    select
        a.workspace as workspace,
        a.date as date,
        toString(assumeNotNull(a.currency)) as currency,
        toString(any(a.reporting_currency)) as reporting_currency,
        toFloat64(sum(a.cost_reporting)) / toFloat64(sum(a.cost)) as rate
    from {{ ref('mart_account_daily') }} as a
    where
        a.currency is not null
        and a.cost > 0
        and a.cost_reporting is not null
        and (a.workspace, a.date) in (
            select
                p.workspace,
                p.as_of
            from {{ ref('mart_budget_pacing') }} as p
        )
    group by a.workspace, a.date, a.currency
),

missed as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'campaign_id', 'scope_name', 'month', 'as_of', 'budget',
            'currency', 'spend_to_date', 'expected_to_date', 'projected_spend', 'projected_low',
            'projected_high', 'pace', 'status', 'is_provisional'
        ] -%}
        p.{{ column }} as {{ column }},
        {% endfor -%}
        {{ budget_entity_type('p') }} as entity_type,
        toFloat64(p.projected_spend) - toFloat64(p.budget) as gap,
        -- the interval holds 8 of 10 months: 1.2816 standard deviations either way
        (toFloat64(p.projected_high) - toFloat64(p.projected_spend)) / 1.2816 as deviation,
        if(r.rate > 0, r.rate, 1) as rate,
        if(r.rate > 0, r.reporting_currency, toString(p.currency)) as impact_currency,
        (p.platform, p.account_id, p.campaign_id, abs(gap) * rate) as own
    from {{ ref('mart_budget_pacing') }} as p
    left join rates as r on p.workspace = r.workspace and p.as_of = r.date and p.currency = r.currency
    where p.status in ('over', 'under')
),

-- Budgets lie in each other. Where one within a wider one carries 60 % of its miss, it is the cause and told;
-- else the wider one is, and those within it are not.
nested as (
    select
        m.*,
        groupArray(m.own) over (partition by m.workspace, m.month, m.status) as others,
        {{ has_cause_within('m.own', 'others') }} as has_cause_within,
        {{ is_part_of_cause('m.own', 'others') }} as is_part_of_cause
    from missed as m
),

words as (
    select
        m.*,
        if(m.status = 'over', 'budget_overrun', 'budget_underspend') as kind,
        {{ budget_entity_id('m') }} as entity_id,
        if(
            m.entity_type in ('campaign', 'account'),
            concat('“', m.scope_name, '”'),
            if(m.entity_type = 'platform', {{ platform_text('m.platform') }}, 'all platforms')
        ) as who,
        formatDateTime(m.month, '%M') as month_name,
        {{ money_text('toFloat64(m.budget)', 'm.currency') }} as budget_text,
        {{ money_text('toFloat64(m.projected_spend)', 'm.currency') }} as projected_text,
        {{ money_text('toFloat64(m.spend_to_date)', 'm.currency') }} as spent_text,
        {{ money_text('toFloat64(m.expected_to_date)', 'm.currency') }} as due_text,
        {{ money_text('abs(m.gap)', 'm.currency') }} as gap_text,
        m.as_of >= toLastDayOfMonth(m.month) as has_ended,
        multiIf(
            has_ended and m.status = 'over',
            'Set the budgets of the next month by what this one took, or lower daily budgets now.',
            has_ended, 'Give the next month what was left, or plan it lower.',
            m.status = 'over',
            'Lower daily budgets for the rest of the month, the weakest returns first, or raise the plan.',
            'Raise budgets where the return is best, or give the rest to another plan before the month ends.'
        ) as next_step,
        coalesce(
            0.5 * (1 + erf(abs(m.gap) / nullIf(m.deviation, 0) / sqrt(2))), if(m.deviation = 0, 0.99, 0.5)
        ) as certainty
    from nested as m
    where not m.has_cause_within and not m.is_part_of_cause
),

scored as (
    select
        w.*,
        {{ budget_key('w.kind', 'w') }} as insight_key,
        round(w.certainty * if(w.is_provisional, 0.95, 1), 4) as confidence,
        -- Of a month that is over nothing can be saved or spent any more: it ranks behind what loses money.
        {{ to_amount('if(w.has_ended, 0, abs(w.gap) * w.rate)') }} as impact_amount
    from words as w
)

select
    s.workspace as workspace,
    s.insight_key as insight_key,
    cast(s.kind as LowCardinality(String)) as kind,
    cast(
        multiIf(
            abs(s.gap) >= 0.2 * toFloat64(s.budget), 'high',
            abs(s.gap) >= 0.1 * toFloat64(s.budget), 'medium', 'low'
        )
        as LowCardinality(String)
    ) as severity,
    cast(s.entity_type as LowCardinality(String)) as entity_type,
    toString(s.entity_id) as entity_id,
    toString(s.scope_name) as entity_name,
    s.platform as platform,
    nullIf(s.account_id, '') as account_id,
    cast('cost' as LowCardinality(String)) as metric,
    s.month as date_start,
    s.as_of as date_end,
    concat(
        s.month_name, if(s.has_ended, ' ended ', ' will end '), s.gap_text,
        if(s.status = 'over', ' over', ' under'), ' the budget of ', s.who
    ) as title,
    if(
        s.has_ended,
        concat(
            'It spent ', s.spent_text,
            if(
                s.projected_text = s.spent_text, '',
                concat(', or ', s.projected_text, ' with days that have no data,')
            ),
            ' of ', s.budget_text, '. ', s.next_step
        ),
        concat(
            'By ', {{ date_text('s.as_of') }}, ' it spent ', s.spent_text, ' where ', s.due_text,
            ' was due; at the pace of the last weeks the month ends at ', s.projected_text,
            ' of ', s.budget_text, '. ', s.next_step
        )
    ) as body,
    s.next_step as next_step,
    concat(
        if(
            s.has_ended, 'Nothing of it is at stake any more: the month is over',
            'Projected spend of the month less its budget (mart_budget_pacing)'
        ),
        if(s.has_ended or s.currency = s.impact_currency, '.', ', at the exchange rate of the last day.')
    ) as impact_basis,
    s.impact_amount as impact_amount,
    cast(s.impact_currency as LowCardinality(Nullable(String))) as impact_currency,
    s.confidence as confidence,
    toUInt32(
        1 + {{ count_above('f.scores', 'coalesce(toFloat64(s.impact_amount), 0) * s.confidence') }}
    ) as rank,
    toJSONString(cast(
        (
            toFloat64(s.budget), toFloat64(s.spend_to_date), toFloat64(s.expected_to_date),
            toFloat64(s.projected_spend), toFloat64(s.projected_low), toFloat64(s.projected_high), s.pace,
            [s.month, s.as_of], (s.workspace, s.platform, s.account_id, s.entity_type, s.entity_id),
            concat(
                'SELECT * FROM marts.mart_budget_pacing WHERE workspace = ', {{ sql_literal('s.workspace') }},
                ' AND platform = ', {{ sql_literal('toString(s.platform)') }},
                ' AND account_id = ', {{ sql_literal('s.account_id') }},
                ' AND campaign_id = ', {{ sql_literal('s.campaign_id') }},
                ' AND month = ''', toString(s.month), ''''
            )
        ),
        '{{ evidence_budget_type() }}'
    )) as evidence,
    s.is_provisional as is_provisional
from scored as s
left join feed_scores as f on s.workspace = f.workspace and s.as_of = f.date_end
