{# A Float as Nullable(Decimal), NULL where it is no number. The usual casts throw (code 407) on what lies under a NULL
   too, such as the inf of x / nullIf(0, 0): whether they see it depends on how the engine orders filter and cast. #}
{% macro to_decimal(value, scale, precision=38) -%}
    accurateCastOrNull({{ value }}, 'Decimal({{ precision }}, {{ scale }})')
{%- endmacro %}

{# Money of an insight or anomaly, computed in Float: two places. #}
{% macro to_amount(value) -%}
    {{ to_decimal('round(' ~ value ~ ', 2)', 2, 18) }}
{%- endmacro %}
