{{ config(severity='warn') }}

-- Rule 4: says which currency has no rate on which days; that money is NULL in reporting currency.
{% set missing %}
select
    workspace,
    ifNull(toString(currency), 'an unknown currency') as without_rate,
    reporting_currency,
    uniqExact(date) as days,
    arrayStringConcat(arrayMap(day -> toString(day), arraySlice(arraySort(groupUniqArray(date)), 1, 31)), ', ') as dates,
    count() as fact_rows
from {{ ref('fct_ad_performance_daily') }}
where
    {{ only_tested_dates('date') }}
    and ((cost is not null and cost_reporting is null)
        or (conversion_value is not null and conversion_value_reporting is null))
group by workspace, currency, reporting_currency
{% endset %}
{% if execute and load_relation(ref('fct_ad_performance_daily')) %}
    {% for row in run_query(missing).rows %}
        {% do exceptions.warn(
            'No exchange rate from ' ~ row[1] ~ ' to ' ~ row[2] ~ ' in workspace ' ~ row[0] ~ ' on ' ~ row[3]
            ~ ' day(s): ' ~ row[4] ~ (' …' if row[3] > 31 else '') ~ ': reporting money of ' ~ row[5]
            ~ ' fact rows is NULL. Drop a file of rates into ' ~ row[0] ~ '/fx_rates/, or add them to seeds/fx_rates.csv.'
        ) %}
    {% endfor %}
{% endif %}
{{ missing }}
