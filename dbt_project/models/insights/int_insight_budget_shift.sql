{{ config(materialized='ephemeral', contract={'enforced': false}) }}

-- noqa: disable=RF03
-- Budget that would earn more elsewhere: from a campaign with a weak return over 28 days to one with a strong
-- one,
-- with the gain of a week and how sure it is. Returns are shrunk towards the workspace's own by the weight
-- of 5 conversions, and fall with spend as the elasticity says.
with months as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'entity_id', 'entity_name', 'date_end', 'currency',
            'last_seen', 'account_last_seen'
        ] -%}
        c.{{ column }} as {{ column }},
        {% endfor -%}
        c.days_28 as days_with_data,
        c.conversions_28 as conversions,
        c.cost_28 as cost,
        c.value_28 as value,
        c.is_provisional_28 as is_provisional
    from {{ ref('int_insight_campaigns') }} as c
    where
        not c.has_no_rate_28 and c.cost_28 > 0 and c.value_28 is not null
        -- what broke says nothing, neither of itself nor of what is usual
        and {{ is_none_of_problems('c', 'is_broken_28') }}
),

compared as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'entity_id', 'entity_name', 'date_end',
            'currency', 'is_provisional'
        ] -%}
        m.{{ column }} as {{ column }},
        {% endfor -%}
        toFloat64(m.conversions) as events,
        toFloat64(m.cost) as spend,
        {{ takes_no_more('m.entity_name') }} as takes_no_more,
        toFloat64(sumIf(m.value, not takes_no_more) over everything)
        / nullIf(toFloat64(sumIf(m.cost, not takes_no_more) over everything), 0) as usual_roas,
        5 * toFloat64(sumIf(m.cost, not takes_no_more) over everything)
        / nullIf(toFloat64(sumIf(m.conversions, not takes_no_more) over everything), 0) as prior_spend,
        (toFloat64(m.value) + prior_spend * usual_roas) / (spend + prior_spend) as roas,
        -- Poisson conversions of orders whose value varies by about 80 %
        1.28 / sqrt(coalesce(events, 0) + 5) as relative_error,
        s.spend_elasticity as elasticity,
        s.shift_share as shift_share,
        s.max_shifts_a_day as max_shifts,
        s.min_insight_amount as min_insight_amount,
        takes_no_more or not ({{ is_none_of_problems('m', 'is_told_28') }}) as is_full,
        spend >= 4 * s.min_performer_cost
        and m.days_with_data >= 21
        -- it runs still, as far as the files of its account reach, which may come after those of others
        and m.last_seen = m.account_last_seen
        and m.date_end - m.account_last_seen <= 3 as is_judgeable
    from months as m
    inner join {{ ref('int_insight_settings') }} as s on m.workspace = s.workspace
    window everything as (partition by m.workspace, m.date_end)
),

-- Both lists of a workspace and day, in the order of what is lost and won against the usual return; the first
-- giver is paired with the first receiver.
sides as (
    select
        c.workspace as workspace,
        c.date_end as date_end,
        any(c.currency) as currency,
        any(c.usual_roas) as usual_roas,
        any(c.elasticity) as elasticity,
        any(c.shift_share) as shift_share,
        any(c.min_insight_amount) as min_insight_amount,
        any(c.max_shifts) as max_shifts,
        {{ shift_side('c', 'c.roas < 0.8 * c.usual_roas') }} as givers,
        {{ shift_side('c', 'not c.is_full and c.events >= 20 and c.roas > 1.1 * c.usual_roas') }} as receivers
    from compared as c
    group by c.workspace, c.date_end
),

paired as (
    select
        s.*,
        pair.1 as giver,
        pair.2 as receiver
    from sides as s
    array join arrayZip(
        arraySlice(s.givers, 1, least(length(s.receivers), s.max_shifts)),
        arraySlice(s.receivers, 1, least(length(s.givers), s.max_shifts))
    ) as pair
),

pairs as (
    select
        p.workspace as workspace,
        p.date_end as date_end,
        p.giver.platform as platform,
        p.giver.account_id as account_id,
        p.giver.account_name as account_name,
        p.giver.entity_id as entity_id,
        p.giver.entity_name as entity_name,
        p.currency as currency,
        p.giver.is_provisional or p.receiver.is_provisional as is_provisional,
        p.giver.spend as spend,
        p.giver.roas as roas,
        p.giver.events as events,
        p.receiver.platform as to_platform,
        p.receiver.account_id as to_account_id,
        p.receiver.account_name as to_account_name,
        p.receiver.entity_id as to_entity_id,
        p.receiver.entity_name as to_entity_name,
        p.receiver.spend as to_spend,
        p.receiver.roas as to_roas,
        p.receiver.events as to_events,
        p.usual_roas as usual_roas,
        p.elasticity as elasticity,
        p.min_insight_amount as min_insight_amount,
        least(p.shift_share * spend, 0.3 * to_spend) / 4 as moved,
        to_roas * to_spend / 4 * (pow(1 + moved / (to_spend / 4), elasticity) - 1) as won,
        roas * spend / 4 * (1 - pow(1 - moved / (spend / 4), elasticity)) as lost,
        won - lost as gain,
        sqrt(pow(won * p.receiver.relative_error, 2) + pow(lost * p.giver.relative_error, 2)) as gain_error,
        gain - 1.2816 * gain_error as gain_low,
        gain + 1.2816 * gain_error as gain_high
    from paired as p
),

words as (
    select
        p.*,
        p.date_end - 27 as date_start,
        'campaign' as entity_type,
        {{ campaign_text('p') }} as who,
        concat(
            '“', p.to_entity_name, '” (', p.to_account_name, ', ', {{ platform_text('p.to_platform') }}, ')'
        ) as to_who,
        {{ money_text('p.moved', 'p.currency') }} as moved_text,
        {{ money_text('p.gain', 'p.currency') }} as gain_text,
        {{ money_text('p.gain_low', 'p.currency') }} as low_text,
        {{ money_text('p.gain_high', 'p.currency') }} as high_text,
        {{ money_text('p.roas', 'p.currency') }} as roas_text,
        {{ money_text('p.to_roas', 'p.currency') }} as to_roas_text,
        concat(
            'Move the budget in two steps, and look at the return of ', to_who,
            ' for a week before the second.'
        ) as next_step
    from pairs as p
    where p.gain_low > 0 and p.gain >= p.min_insight_amount
)

select
    w.workspace as workspace,
    concat(
        'budget_shift|', w.platform, '|', w.account_id, '|campaign|', w.entity_id, '|',
        toString(toStartOfMonth(w.date_end))
    ) as insight_key,
    'budget_shift' as kind,
    'medium' as severity,
    w.entity_type as entity_type,
    w.entity_id as entity_id,
    w.entity_name as entity_name,
    w.platform as platform,
    w.account_id as account_id,
    'roas' as metric,
    w.date_start as date_start,
    w.date_end as date_end,
    concat(
        'Move ', w.moved_text, ' a week from ', w.who, ' to ', w.to_who, ': about ', w.gain_text,
        ' more value a week'
    ) as title,
    concat(
        'In 28 days the one brought back ', w.roas_text, ' for each ', w.currency, ' 1 and the other ',
        w.to_roas_text,
        '; with falling returns the move gains ', w.low_text, ' to ', w.high_text,
        ' a week, four times out of five. ',
        w.next_step
    ) as body,
    w.next_step as next_step,
    concat(
        'Value that the receiver gains less what the giver loses with ', w.moved_text,
        ' a week moved, at an elasticity of ',
        toDecimalString(w.elasticity, 2),
        '; returns of 28 days, shrunk towards the workspace''s by 5 conversions.'
    ) as impact_basis,
    {{ to_amount('w.gain') }} as impact_amount,
    w.currency as impact_currency,
    -- the chance of a gain,
    -- less a tenth for what 28 days cannot tell (limits of the audience, the elasticity)
    0.9 * 0.5 * (1 + erf(w.gain / w.gain_error / sqrt(2))) * if(w.is_provisional, 0.85, 1) as confidence,
    toJSONString(cast(
        (
            w.moved, w.gain, w.gain_low, w.gain_high, w.elasticity, w.usual_roas,
            (w.platform, w.account_id, w.entity_id, w.entity_name, w.spend, w.roas, w.events),
            (
                w.to_platform, w.to_account_id, w.to_entity_id, w.to_entity_name, w.to_spend, w.to_roas,
                w.to_events
            ),
            [w.date_start, w.date_end],
            (w.workspace, w.platform, w.account_id, w.entity_type, w.entity_id),
            concat(
                'SELECT platform, campaign_name, sum(cost_reporting) AS cost, ',
                'sum(conversion_value_reporting) AS conversion_value, sum(conversions) AS conversions, ',
                'reporting_currency AS currency FROM marts.mart_campaign_daily',
                ' WHERE workspace = ', {{ sql_literal('w.workspace') }},
                ' AND coalesce(campaign_id, campaign_name) IN (', {{ sql_literal('w.entity_id') }}, ', ',
                {{ sql_literal('w.to_entity_id') }}, ') AND date BETWEEN ''', toString(w.date_start),
                ''' AND ''',
                toString(w.date_end), ''' GROUP BY ALL ORDER BY ALL'
            )
        ),
        '{{ evidence_shift_type() }}'
    )) as evidence,
    w.is_provisional as is_provisional,
    [
        (toString(w.platform), w.account_id, w.entity_id), (w.to_platform, w.to_account_id, w.to_entity_id)
    ] as campaigns
from words as w
