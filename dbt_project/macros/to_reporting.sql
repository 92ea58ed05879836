{# Money of a fact row `s` in reporting currency: as it is where the currencies are the same (no rate needed), else
   by the cross rate over EUR, in Decimal, rounded to 6 places; NULL where a rate is missing. `account_fx` and
   `reporting_fx` are the rates of the two currencies on the day; EUR is one unit of itself; 0 is
   what a join without a match gives. #}
{% macro to_reporting(column) -%}
    if(
        s.currency = s.reporting_currency,
        {{ column }},
        cast(
            round(
                {{ column }}
                * if(s.reporting_currency = 'EUR', 1, nullIf(reporting_fx.units_per_eur, 0))
                / if(s.currency = 'EUR', 1, nullIf(account_fx.units_per_eur, 0)),
                6
            ) as Nullable(Decimal(38, 6))
        )
    )
{%- endmacro %}
