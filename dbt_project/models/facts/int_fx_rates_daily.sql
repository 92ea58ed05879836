{{ config(materialized='view', schema='staging', contract={'enforced': false}, settings={}) }}

-- A rate stands for its own day and, where no newer one comes (weekends, holidays), for 7 days after.
with carried as (
    select
        rates.currency as rate_currency,
        rates.date as rate_date,
        rates.units_per_eur as rate,
        arrayJoin(range(8)) as age
    from {{ ref('fx_rates') }} as rates
    where rates.units_per_eur > 0
)

select
    carried.rate_date + carried.age as date,
    carried.rate_currency as currency,
    argMin(carried.rate, carried.age) as units_per_eur,
    max(carried.rate_date) as rate_date
from carried
group by carried.rate_date + carried.age, carried.rate_currency
