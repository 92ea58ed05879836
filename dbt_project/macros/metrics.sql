{# Every ratio of the project is written here, once. #}

{# A ratio as Nullable(Float64): NULL where the denominator is not above 0 (credits make a cost negative, and nothing was
   got for it) or NULL, or the numerator is NULL; never inf, nan. #}
{% macro safe_ratio(numerator, denominator) -%}
    (toFloat64({{ numerator }}) / nullIf(greatest(toFloat64({{ denominator }}), 0), 0))
{%- endmacro %}

{# clicks per impression, a fraction #}
{% macro ctr(clicks='clicks', impressions='impressions') -%}
    {{ safe_ratio(clicks, impressions) }}
{%- endmacro %}

{# cost per click #}
{% macro cpc(cost='cost', clicks='clicks') -%}
    {{ safe_ratio(cost, clicks) }}
{%- endmacro %}

{# cost per thousand impressions #}
{% macro cpm(cost='cost', impressions='impressions') -%}
    (1000 * {{ safe_ratio(cost, impressions) }})
{%- endmacro %}

{# cost per conversion #}
{% macro cpa(cost='cost', conversions='conversions') -%}
    {{ safe_ratio(cost, conversions) }}
{%- endmacro %}

{# conversions per click, a fraction #}
{% macro cvr(conversions='conversions', clicks='clicks') -%}
    {{ safe_ratio(conversions, clicks) }}
{%- endmacro %}

{# value per cost #}
{% macro roas(value='conversion_value', cost='cost') -%}
    {{ safe_ratio(value, cost) }}
{%- endmacro %}

{# (value - cost) per cost; the subtraction is in Decimal, before the division #}
{% macro roi(value='conversion_value', cost='cost') -%}
    {{ safe_ratio('(' ~ value ~ ' - ' ~ cost ~ ')', cost) }}
{%- endmacro %}

{# value per conversion #}
{% macro aov(value='conversion_value', conversions='conversions') -%}
    {{ safe_ratio(value, conversions) }}
{%- endmacro %}

{# change from `previous`, as a fraction of its size: -0.2 is a fifth less, also where it was negative (roi) #}
{% macro relative_change(current, previous) -%}
    {{ safe_ratio('(' ~ current ~ ' - ' ~ previous ~ ')', 'abs(' ~ previous ~ ')') }}
{%- endmacro %}

{# sessions of web analytics per ad click; far below 1 where clicks get lost or lack UTMs #}
{% macro sessions_per_click(sessions='sessions', clicks='clicks') -%}
    {{ safe_ratio(sessions, clicks) }}
{%- endmacro %}

{# cost per session of web analytics #}
{% macro cost_per_session(cost='cost', sessions='sessions') -%}
    {{ safe_ratio(cost, sessions) }}
{%- endmacro %}

{# cost per key event of web analytics #}
{% macro cost_per_key_event(cost='cost', key_events='key_events') -%}
    {{ safe_ratio(cost, key_events) }}
{%- endmacro %}

{# All ratio columns of a mart from its sums: those of account currency, or with money='reporting' those of
   reporting currency, named with the suffix. Ratios without money (ctr, cvr) come once. With `of` ('_previous') the
   sums and the ratios have that suffix. #}
{% macro ratio_columns(money='account', of='') -%}
    {%- set suffix = ('_reporting' if money == 'reporting' else '') ~ of -%}
    {%- set cost, value = 'cost' ~ suffix, 'conversion_value' ~ suffix -%}
    {%- set impressions, clicks, conversions = 'impressions' ~ of, 'clicks' ~ of, 'conversions' ~ of -%}
    {%- if money == 'account' -%}
    {{ ctr(clicks, impressions) }} as ctr{{ of }},
    {{ cvr(conversions, clicks) }} as cvr{{ of }},
    {% endif -%}
    {{ cpc(cost, clicks) }} as cpc{{ suffix }},
    {{ cpm(cost, impressions) }} as cpm{{ suffix }},
    {{ cpa(cost, conversions) }} as cpa{{ suffix }},
    {{ roas(value, cost) }} as roas{{ suffix }},
    {{ roi(value, cost) }} as roi{{ suffix }},
    {{ aov(value, conversions) }} as aov{{ suffix }}
{%- endmacro %}
