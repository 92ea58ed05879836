{# Conversions come late: what an export of a young day sees of them. Without it young days look broken. #}

{# Age in days from which a day counts as final. Curves have an element for each age up to it. #}
{% macro final_age() %}{{ return(8) }}{% endmacro %}

{# Share of the final conversions that an export sees at each age, as long as nothing else is known. #}
{% macro default_maturity() -%}
    [0.80, 0.92, 0.97, 0.99, 1.0, 1.0, 1.0, 1.0, 1.0]
{%- endmacro %}

{# The share at an age: of the learned curve, which is empty where nothing was learned. #}
{% macro conversion_maturity(age, curve) -%}
    arrayElement(if(empty({{ curve }}), {{ default_maturity() }}, {{ curve }}), toUInt32(least({{ age }}, {{ final_age() }})) + 1)
{%- endmacro %}

{# Days of which a curve is learned, before the day that it is used on: as far as a day's own row depends on others
   (see anomaly_history_days). #}
{% macro maturity_days() %}{{ return(28) }}{% endmacro %}

{# Settled days that an age must have been seen on, and conversions that the default curve weighs. #}
{% macro least_settled_days() %}{{ return(5) }}{% endmacro %}
{% macro default_conversions() %}{{ return(100) }}{% endmacro %}
