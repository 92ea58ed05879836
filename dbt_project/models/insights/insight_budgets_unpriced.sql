{{ config(materialized='view', settings={}, query_settings={}) }}

-- noqa: disable=RF03
-- Budgets that cannot be judged, for a part of their spend has no exchange rate. What was told of them
-- stays as it was (include/insights/publishing.py), with what is said here. Two rows a budget and month: it
-- may have been told as either kind.
with unjudged as (
    select
        p.workspace as workspace,
        p.platform as platform,
        p.account_id as account_id,
        p.campaign_id as campaign_id,
        p.month as month,
        p.as_of as as_of,
        p.currency as currency
    from {{ ref('mart_budget_pacing') }} as p
    where p.spend_to_date is null
),

rates as (
    select
        x.workspace as workspace,
        x.date as date,
        toString(x.currency) as currency,
        x.units as units
    from {{ ref('int_fx_rates_daily') }} as x
    where x.date >= (
        select min(u.month)
        from unjudged as u
    )
),

-- As mart_budget_pacing converts: into the reporting currency and out of it again.
unpriced as (
    select
        u.workspace as workspace,
        u.platform as platform,
        u.account_id as account_id,
        u.campaign_id as campaign_id,
        u.month as month,
        min(a.date) as unpriced_since,
        arraySort(groupUniqArrayArray(
            arrayConcat(
                if(own.units is null, [toString(assumeNotNull(a.currency))], []),
                if(of_budget.units is null, [toString(u.currency)], [])
            )
        )) as currencies
    from unjudged as u
    inner join {{ ref('mart_account_daily') }} as a on u.workspace = a.workspace
    left join rates as own
        on u.workspace = own.workspace and a.currency = own.currency and a.date = own.date
    left join rates as of_budget
        on u.workspace = of_budget.workspace and u.currency = of_budget.currency and a.date = of_budget.date
    where
        u.platform in ('', a.platform)
        and u.account_id in ('', coalesce(a.account_id, a.account_name, ''))
        and a.date between u.month and u.as_of
        and a.cost is not null
        and a.currency != u.currency
        and (own.units is null or of_budget.units is null)
    group by u.workspace, u.platform, u.account_id, u.campaign_id, u.month
),

words as (
    select
        u.*,
        {{ budget_entity_type('u') }} as entity_type,
        arrayStringConcat(u.currencies, ' and ') as currencies_text
    from unpriced as u
)

select
    w.workspace as workspace,
    {{ budget_key('kind', 'w') }} as insight_key,
    w.unpriced_since as unpriced_since,
    w.currencies as currencies,
    concat(
        'Since ', {{ date_text('w.unpriced_since') }}, ' a part of its spend has no exchange rate (',
        w.currencies_text, '), so it cannot be judged: its figures are of the last day that could be.'
    ) as reason,
    concat(
        'Drop a file of rates for ', w.currencies_text,
        ' into the bucket, or add them to the seed fx_rates; the budget is then judged again.'
    ) as next_step
from words as w
array join ['budget_overrun', 'budget_underspend'] as kind
