-- Rule 4: one currency needs no rate; without a rate money is NULL, never 1:1; cost and value share a rate.
with facts as (
    {% for fact in ('fct_ad_performance_daily', 'fct_ad_performance_segment_daily') %}
    select
        '{{ fact }}' as fact,
        workspace,
        date,
        currency,
        reporting_currency,
        cost,
        conversion_value,
        cost_reporting,
        conversion_value_reporting
    from {{ ref(fact) }}
    where {{ only_tested_dates('date') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

rated as (
    select
        f.*,
        coalesce(f.currency = f.reporting_currency, false) as needs_none,
        toFloat64(r.units) / toFloat64(r.per) as rate
    from facts as f
    left join (
        select * from {{ ref('int_fx_rates_daily') }}
        where {{ only_tested_dates('date') }}
    ) as r
        on f.workspace = r.workspace and f.date = r.date and f.currency = r.currency
)

select *
from rated
where
    {% for money in ('cost', 'conversion_value') %}
    (needs_none and not ({{ money }} <=> {{ money }}_reporting))
    or (not needs_none and ({{ money }}_reporting is null) != ({{ money }} is null or rate is null))
    or (
        not needs_none
        and abs(ifNull(toFloat64({{ money }}_reporting) - toFloat64({{ money }}) * rate, 0))
        > 1e-5 + 1e-9 * abs(ifNull(toFloat64({{ money }}_reporting), 0))
    )
    {{ 'or' if not loop.last }}
    {% endfor %}
