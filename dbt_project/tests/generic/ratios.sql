{# No float is inf or nan. #}
{% test non_finite_free(model, columns) %}
select *
from {{ model }}
where
    {% for column in columns %}
    not isFinite(ifNull({{ column }}, 0)) {{ 'or' if not loop.last }}
    {% endfor %}
{% endtest %}

{# Every ratio is the one of the row's own sums, and NULL where it has none. Written apart from
   macros/metrics.sql on purpose, as factor, numerator and denominator. #}
{% test ratio_is_of_sums(model) %}
{% set ratios = {
    'ctr': ['1', 'clicks', 'impressions'],
    'cvr': ['1', 'conversions', 'clicks'],
} %}
{% for suffix in ['', '_reporting'] %}
    {% set cost, value = 'cost' ~ suffix, 'conversion_value' ~ suffix %}
    {% do ratios.update({
        'cpc' ~ suffix: ['1', cost, 'clicks'],
        'cpm' ~ suffix: ['1000', cost, 'impressions'],
        'cpa' ~ suffix: ['1', cost, 'conversions'],
        'roas' ~ suffix: ['1', value, cost],
        'roi' ~ suffix: ['1', value ~ ' - ' ~ cost, cost],
        'aov' ~ suffix: ['1', value, 'conversions'],
    }) %}
{% endfor %}
select *
from {{ model }}
where
    {% for ratio, (factor, numerator, denominator) in ratios.items() %}
    ({{ ratio }} is null) != (({{ numerator }}) is null or ifNull({{ denominator }}, 0) <= 0)
    or abs(ifNull({{ ratio }} * toFloat64({{ denominator }}) - {{ factor }} * toFloat64({{ numerator }}), 0))
        > 1e-9 * (1 + abs(ifNull({{ factor }} * toFloat64({{ numerator }}), 0)))
    {{ 'or' if not loop.last }}
    {% endfor %}
{% endtest %}
