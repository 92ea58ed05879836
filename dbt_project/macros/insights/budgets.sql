{# What a budget is of, as insights name it: the finest that it names. #}
{% macro budget_entity_type(source) -%}
    multiIf(
        {{ source }}.campaign_id != '', 'campaign', {{ source }}.account_id != '', 'account', {{ source }}.platform != '', 'platform', 'workspace'
    )
{%- endmacro %}

{% macro budget_entity_id(source) -%}
    multiIf(
        {{ source }}.campaign_id != '', {{ source }}.campaign_id, {{ source }}.account_id != '', {{ source }}.account_id,
        {{ source }}.platform != '', toString({{ source }}.platform), toString({{ source }}.workspace)
    )
{%- endmacro %}

{# The key of what is told of a budget and month; `source` has `entity_type`. #}
{% macro budget_key(kind, source) -%}
    concat(
        {{ kind }}, '|', {{ source }}.platform, '|', {{ source }}.account_id, '|', {{ source }}.entity_type, '|',
        {{ budget_entity_id(source) }}, '|', toString({{ source }}.month)
    )
{%- endmacro %}
