{# The arithmetic of the count-aware z: see the docs block `count_aware_z`. #}

{# A count's distance from its expectation on the scale on which Poisson noise has variance 1. #}
{% macro count_residual(events, expected) -%}
    2 * (sqrt({{ events }} + 0.375) - sqrt({{ expected }} + 0.375))
{%- endmacro %}

{# The series' own relative noise, squared: a robust estimate over the window last_42 of what its residuals have
   beyond Poisson noise, and no less than `floor`, so that a series that never varied is not judged to the digit. #}
{% macro noise_variance(residual, expected, floor) -%}
    greatest(
        greatest(pow(1.4826 * quantileExactInclusive(abs({{ residual }})) over last_42, 2) - 1, 0)
        / greatest(avg({{ expected }}) over last_42, 0.5),
        {{ floor * floor }}
    )
{%- endmacro %}

{# The count at which |z| reaches the threshold, below (-) or above (+) an expectation. #}
{% macro band_edge(expected, noise, threshold, side) -%}
    greatest(
        pow(greatest(sqrt({{ expected }} + 0.375) {{ side }} {{ threshold }} / 2 * sqrt(1 + {{ expected }} * {{ noise }}), 0), 2)
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
