{# How grave an event is: the money at stake in days of the workspace's usual spend (25 %, 5 %, 1 %), one step up
   for what cannot be chance, one down for a young day that only just deviates. A faulty load is at least high:
   every number of that day is wrong. #}
{% macro anomaly_severity(source, usual_cost) -%}
    arrayElement(
        ['low', 'medium', 'high', 'critical'],
        toUInt8(
            greatest(
                least(
                    toInt8(ifNull({{ source }}.impact >= 0.01 * {{ usual_cost }}, false))
                    + toInt8(ifNull({{ source }}.impact >= 0.05 * {{ usual_cost }}, false))
                    + toInt8(ifNull({{ source }}.impact >= 0.25 * {{ usual_cost }}, false))
                    + toInt8({{ source }}.z_max >= 8)
                    - toInt8({{ source }}.is_provisional and {{ source }}.z_max between 0.1 and 5),
                    3
                ),
                if({{ source }}.kind in ('duplicate_load', 'partial_load', 'data_missing'), 2, 0)
            ) + 1
        )
    )
{%- endmacro %}
