{# Dates in order, confidence a share, money not negative, a title without leftovers of a template. #}
{% test insight_is_sound(model) %}
select *
from {{ model }}
where
    date_start > date_end
    or not confidence between 0 and 1
    or not isFinite(confidence)
    or ifNull(impact_amount < 0, false)
    or match(concat(title, body), '(?i)\\bnan\\b|\\binf\\b|\\bnull\\b')
{% endtest %}
