-- Rule 4: one currency needs no rate; without a rate money is NULL, never 1:1; cost and value share a rate.
with rated as (
    select concat(currency, toString(date)) as currency_day
    from {{ ref('int_fx_rates_daily') }}
),

facts as (
    select
        *,
        coalesce(currency = reporting_currency, false) as needs_none,
        coalesce(currency = 'EUR', false) or coalesce(concat(currency, toString(date)), '') in (
            select rated.currency_day from rated
        ) as has_account_rate,
        reporting_currency = 'EUR' or concat(reporting_currency, toString(date)) in (
            select rated.currency_day from rated
        ) as has_reporting_rate
    from {{ ref('fct_ad_performance_daily') }}
    where {{ only_tested_dates('date') }}
),

expected as (
    select
        *,
        needs_none or (has_account_rate and has_reporting_rate) as is_convertible
    from facts
)

select *
from expected
where
    (needs_none and not (cost <=> cost_reporting and conversion_value <=> conversion_value_reporting))
    or (cost_reporting is null) != (cost is null or not is_convertible)
    or (conversion_value_reporting is null) != (conversion_value is null or not is_convertible)
    or coalesce(
        abs(
            toFloat64(cost_reporting) * toFloat64(conversion_value)
            - toFloat64(conversion_value_reporting) * toFloat64(cost)
        ) > 1e-5 * (1 + abs(toFloat64(cost)) + abs(toFloat64(conversion_value))),
        false
    )
