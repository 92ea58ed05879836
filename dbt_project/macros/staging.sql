{# For stg_ad_performance, whose rows are r and whose loads are l. #}

{# An id or name: NULL where its cell says nothing, by the common tokens or by those of its shape. #}
{% macro text_of(column) -%}
    if(has(l.null_tokens, trimBoth(r.{{ column }})), null, insightflow_text(r.{{ column }}))
{%- endmacro %}

{# Conversions or their value of the event that the workspace counts: out of a list of actions by its tiers, else the
   platform's main column, else the event's own column among the extra ones (read only where a workspace asks). #}
{% macro conversions_of(column, what, mark, is_main) -%}
    multiIf(
        startsWith(r.{{ column }}, '['), insightflow_tier_sum(r.{{ column }}, l.tiers),
        l.{{ is_main }}, insightflow_number(r.{{ column }}, l.{{ mark }}),
        {%- if other_events_are_counted() %}
        l.event_{{ what }} != '', insightflow_number(r.extra[l.event_{{ what }}], l.{{ mark }}),
        {%- endif %}
        null
    )
{%- endmacro %}

{# Whether any workspace counts another event than purchases. #}
{% macro other_events_are_counted() %}
    {% if not execute %}
        {{ return(true) }}
    {% endif %}
    {% set found = run_query("select count() from " ~ ref('workspaces') ~ " where conversion_event not in ('', 'purchase')") %}
    {{ return(found.rows[0][0] > 0) }}
{% endmacro %}
