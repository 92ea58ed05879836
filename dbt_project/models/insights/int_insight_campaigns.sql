{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'date_end', 'platform', 'account_id', 'entity_id'],
    contract={'enforced': false}
) }}

-- What every campaign did in the 7 and the 28 days that end on a day to judge: several insights ask, and the
-- days are read once. Sums are Decimal: a re-run gives the same to the digit. Scratch.
with last_dates as (
    {{ insight_last_dates('mart_campaign_daily', 27) }}
),

days as (
    select
        c.workspace as workspace,
        c.platform as platform,
        {{ keyed_entity('c', 'account') }},
        coalesce(c.campaign_id, c.campaign_name, '') as entity_id,
        coalesce(c.campaign_name, c.campaign_id, '') as entity_name,
        c.date as date,
        c.clicks as clicks,
        c.conversions as conversions,
        c.cost_reporting as cost,
        c.conversion_value_reporting as value,
        c.reporting_currency as currency,
        c.is_provisional as is_provisional,
        c.cost is not null and c.cost_reporting is null
        or c.conversion_value is not null and c.conversion_value_reporting is null as has_no_rate,
        {{ window_ends('c.date', 28) }} as date_end
    from {{ ref('mart_campaign_daily') }} as c
    where {{ with_history('c.date', 27) }}
),

sums as (
    select
        d.workspace as workspace,
        d.platform as platform,
        d.account_id as account_id,
        d.entity_id as entity_id,
        d.date_end as date_end,
        argMax(d.account_name, d.date) as account_name,
        argMax(d.entity_name, d.date) as entity_name,
        any(d.currency) as currency,
        max(d.date) as last_seen,
        minIf(d.date, d.date_end - d.date < 7) as first_day_7,
        {%- for days in [7, 28] %}
        countIf(d.date_end - d.date < {{ days }}) as days_{{ days }},
        {%- for metric in ['clicks', 'conversions', 'cost', 'value'] if metric != 'clicks' or days == 7 %}
        sumIf(d.{{ metric }}, d.date_end - d.date < {{ days }}) as {{ metric }}_{{ days }},
        {%- endfor %}
        maxIf(d.is_provisional, d.date_end - d.date < {{ days }}) as is_provisional_{{ days }},
        maxIf(d.has_no_rate, d.date_end - d.date < {{ days }}) as has_no_rate_{{ days }},
        {%- endfor %}
        -- of the 28 days those whose money all has a rate; as bits, so that campaigns can be put together
        groupBitOrIf(bitShiftLeft(toUInt32(1), d.date_end - d.date), not d.has_no_rate) as rated_days,
        sumIf(d.cost, not d.has_no_rate) as rated_cost,
        sumIf(d.value, not d.has_no_rate) as rated_value,
        maxIf(d.is_provisional, not d.has_no_rate) as is_rated_provisional
    from days as d
    group by d.workspace, d.platform, d.account_id, d.entity_id, d.date_end
)

select
    s.*,
    max(s.last_seen) over account as account_last_seen
from sums as s
inner join last_dates as l on s.workspace = l.workspace
where s.date_end <= l.last_date
window account as (partition by s.workspace, s.platform, s.account_id, s.date_end)
