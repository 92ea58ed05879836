-- A rate is above 0 and EUR has none: it is one unit of itself.
select *
from {{ ref('fx_rates') }}
where units_per_eur <= 0 or {{ currency_code('currency') }} = 'EUR'
