{# The arithmetic of the count-aware z: see the docs block `count_aware_z`. #}

{# A count's distance from its expectation on the scale on which Poisson noise has variance 1. #}
{% macro count_residual(events, expected) -%}
    2 * (sqrt({{ events }} + 0.375) - sqrt({{ expected }} + 0.375))
{%- endmacro %}

{# The count at which |z| reaches the threshold, below (-) or above (+) an expectation. #}
{% macro band_edge(expected, noise, threshold, side) -%}
    greatest(
        pow(greatest(sqrt({{ expected }} + 0.375) {{ side }} ({{ threshold }}) / 2 * sqrt(1 + {{ expected }} * ({{ noise }})), 0), 2)
        - 0.375, 0
    )
{%- endmacro %}

{# Events in the unit of their metric: money in reporting currency, ratios as the marts define them. #}
{% macro events_to_metric(events, source) -%}
    multiIf(
        {{ source }}.metric = 'cpa', {{ source }}.exposure / nullIf({{ events }}, 0) * {{ source }}.rate_of_value,
        {{ source }}.metric = 'roi', {{ events }} * {{ source }}.unit / {{ source }}.exposure - 1,
        {{ events }} * {{ source }}.unit / {{ source }}.exposure * {{ source }}.rate_of_value
    )
{%- endmacro %}

{# What is asked of a ratio over some days: events of an exposure against the expected ones, their z and the log of
   observed over expected. #}
{% macro question(span, events, exposure, expected, noise) -%}
    (
        {{ span }}, {{ events }}, {{ exposure }}, {{ expected }}, {{ noise }},
        {{ count_residual(events, expected) }} / sqrt(1 + {{ expected }} * {{ noise }}),
        log(greatest({{ events }}, 0.3) / greatest({{ expected }}, 0.001))
    )
{%- endmacro %}

{% macro questions_type() -%}
    Array(Tuple(
        span Int64, events Float64, exposure Float64, expected Float64, noise Float64, z Float64, off Float64
    ))
{%- endmacro %}
