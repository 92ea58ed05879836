{# A currency of a seed, which people write: eur is EUR. #}
{% macro currency_code(column) -%}
    upper(trimBoth(toString({{ column }})))
{%- endmacro %}

{# What the workspace of a row of seeds/workspaces.csv, or of none, reports in. #}
{% macro reporting_currency_of(relation) -%}
    coalesce(nullIf({{ currency_code(relation ~ '.reporting_currency') }}, ''), 'USD')
{%- endmacro %}

{# Money of a fact row `s` in reporting currency: as it is where the currencies are the same, else by the rate of the
   day (`fx`, a row of int_fx_rates_daily), in Decimal, rounded to 6 places; NULL where no rate is known, never 1:1. #}
{% macro to_reporting(column) -%}
    if(
        s.currency = s.reporting_currency,
        {{ column }},
        cast(
            round(toDecimal256({{ column }}, 6) * fx.units / fx.per, 6) as Nullable(Decimal(38, 6))
        )
    )
{%- endmacro %}

{# The rates of the dates being built, joined to facts `s` as `fx`. #}
{% macro join_rates() -%}
left join (
    select *
    from {{ ref('int_fx_rates_daily') }}
    where {{ only_build_dates('date') }} and origin != 'same'
) as fx on s.workspace = fx.workspace and s.currency = fx.currency and s.date = fx.date
{%- endmacro %}
