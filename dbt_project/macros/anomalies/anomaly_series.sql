{# What is scored, and how a mart's row becomes a point of a series. #}

{% macro anomaly_volumes() %}
    {{ return(['impressions', 'clicks', 'cost', 'conversions', 'conversion_value']) }}
{% endmacro %}

{% macro anomaly_ratios() %}
    {{ return(['ctr', 'cpc', 'cvr', 'cpa', 'roi']) }}
{% endmacro %}

{# The metrics of a mart's row as Nullable(Float64): never negative (a correction that takes back more than the day
   had counts as none). Money is scored in account currency, where no exchange rate moves it, and shown in
   reporting currency at the day's `rate`; a platform's accounts have only reporting currency in common. #}
{% macro anomaly_metrics(source, money='account') -%}
    {%- for metric in anomaly_volumes() -%}
    {%- set column = metric ~ '_reporting' if money == 'reporting' and metric in ['cost', 'conversion_value'] else metric -%}
    if({{ source }}.{{ column }} is null, null, greatest(toFloat64({{ source }}.{{ column }}), 0)) as {{ metric }},
    {% endfor -%}
    {%- if money == 'reporting' -%}
    false as is_even,
    cast(1 as Nullable(Float64)) as rate,
    cast({{ source }}.reporting_currency as Nullable(String)) as account_currency,
    {%- else -%}
    {{ is_even(source) }} as is_even,
    coalesce(
        toFloat64({{ source }}.cost_reporting) / nullIf(toFloat64({{ source }}.cost), 0),
        toFloat64({{ source }}.conversion_value_reporting) / nullIf(toFloat64({{ source }}.conversion_value), 0),
        nullIf(day_rates.rate, 0)
    ) as rate,
    cast({{ source }}.currency as Nullable(String)) as account_currency,
    {%- endif %}
    cast({{ source }}.reporting_currency as Nullable(String)) as reporting_currency,
    toBool({{ source }}.is_provisional) as is_provisional
{%- endmacro %}

{# The rates of the days, for what had no money of its own to tell it. #}
{% macro join_day_rates(source) -%}
    left join (
        select
            f.workspace as workspace,
            f.currency as currency,
            f.date as date,
            toFloat64(f.units) / toFloat64(f.per) as rate
        from {{ ref('int_fx_rates_daily') }} as f
        where {{ with_history('f.date', 28) }}
    ) as day_rates
        on
            {{ source }}.workspace = day_rates.workspace
            and {{ source }}.currency = day_rates.currency
            and {{ source }}.date = day_rates.date
{%- endmacro %}

{# Whether everything a row counts is even, which a load that counts its rows twice always is, and another day once in
   32. Money in its smallest coin; where a row has no impressions and no clicks there is nothing to see. #}
{% macro is_even(source) -%}
    {%- set coins = [] -%}
    {%- for metric in ['cost', 'conversion_value'] -%}
    {%- set money = 'toFloat64(ifNull(' ~ source ~ '.' ~ metric ~ ', 0))' -%}
    {%- do coins.append(
        'if(abs(' ~ money ~ ' * 100 - round(' ~ money ~ ' * 100)) < 1e-4, round(' ~ money ~ ' * 100), round(' ~ money
        ~ ' * 1000000)) % 2 = 0'
    ) -%}
    {%- endfor -%}
    toBool(
        coalesce({{ source }}.impressions > 0 or {{ source }}.clicks > 0, false)
        and toFloat64(ifNull({{ source }}.impressions, 0)) % 2 = 0
        and toFloat64(ifNull({{ source }}.clicks, 0)) % 2 = 0
        and toFloat64(ifNull({{ source }}.conversions, 0)) % 2 = 0
        and {{ coins[0] }}
        and {{ coins[1] }}
    )
{%- endmacro %}

{% macro entity_kind(name) -%}
    cast('{{ name }}' as LowCardinality(String))
{%- endmacro %}

{# The parts of a campaign that are judged beside it. #}
{% macro campaign_parts() %}
    {{ return(['ad_group', 'ad']) }}
{% endmacro %}

{% macro is_part(entity_type) -%}
    {{ entity_type }} in ('{{ campaign_parts() | join("', '") }}')
{%- endmacro %}

{# The number of a series: one column to group and join by. #}
{% macro series_key() -%}
    cityHash64(workspace, platform, account_id, entity_type, entity_id)
{%- endmacro %}

{# The same of an entity that a row belongs to, by its id. #}
{% macro series_of(source, kind) -%}
    cityHash64(
        {{ source }}.workspace, {{ source }}.platform, {{ source }}.account_id, {{ entity_kind(kind) }}, {{ source }}.{{ kind }}_id
    )
{%- endmacro %}

{# A series' columns passed on, qualified; `other` says what some become. #}
{% macro series_columns(source, other={}) -%}
    {%- for column in [
        'workspace', 'platform', 'account_id', 'account_name', 'campaign_id', 'campaign_name', 'entity_type',
        'entity_id', 'entity_name', 'series', 'date'
    ] + anomaly_volumes() + ['is_even', 'rate', 'account_currency', 'reporting_currency', 'is_provisional'] -%}
    {%- set value = source ~ '.' ~ column -%}
    {{ other.get(column, value) }} as {{ column }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
