{{ config(severity='warn') }}

-- Rule 4: says which currency has no rate on which days; that money is NULL in reporting currency.
{% set missing %}
select
    ifNull(toString(currency), 'unknown currency') as without_rate,
    reporting_currency,
    min(date) as date_min,
    max(date) as date_max,
    uniqExact(date) as days,
    count() as fact_rows
from {{ ref('fct_ad_performance_daily') }}
where
    {{ only_tested_dates('date') }}
    and ((cost is not null and cost_reporting is null)
        or (conversion_value is not null and conversion_value_reporting is null))
group by currency, reporting_currency
{% endset %}
{% if execute and load_relation(ref('fct_ad_performance_daily')) %}
    {% for row in run_query(missing).rows %}
        {% do exceptions.warn(
            'No exchange rate from ' ~ row[0] ~ ' to ' ~ row[1] ~ ' on ' ~ row[4] ~ ' day(s) between ' ~ row[2]
            ~ ' and ' ~ row[3] ~ ': reporting money of ' ~ row[5] ~ ' fact rows is NULL. Add rates to seeds/fx_rates.csv.'
        ) %}
    {% endfor %}
{% endif %}
{{ missing }}
