{# What every insight has: texts and keys that are there and never NULL in words, its kind and severity of the known ones,
   dates in order, confidence a share, money not negative, evidence as a JSON object. One test, for the budgets are a view
   that each test works out anew. #}
{% test insight_is_sound(model, kinds) %}
select *
from {{ model }}
where
    kind not in ('{{ kinds | join("', '") }}')
    or severity not in ('critical', 'high', 'medium', 'low')
    {%- for column in [
        'workspace', 'insight_key', 'entity_type', 'entity_id', 'entity_name', 'metric', 'title', 'body', 'next_step',
        'impact_basis'
    ] %}
    or ifNull({{ column }}, '') = ''
    {%- endfor %}
    or account_id = ''
    or impact_currency = ''
    or date_start > date_end
    or not confidence between 0 and 1
    or not isFinite(confidence)
    or ifNull(impact_amount < 0, false)
    or not isValidJSON(evidence)
    or left(evidence, 1) != '{'
{% endtest %}
