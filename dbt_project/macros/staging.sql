{# For stg_ad_performance, whose rows are r, whose exports are x and (where other events count) whose loads are l. #}

{# A metric that an export leaves out where it is 0. #}
{% macro or_zero(value, is_zero) -%}
    coalesce({{ value }}, if(x.{{ is_zero }}, toDecimal64(0, 6), null))
{%- endmacro %}

{# Conversions or their value of the event that the workspace counts. Purchases were typed by landing; of another event
   they are made here of the text: out of a list of actions by its tiers, else the event's own column among the extra
   ones, which may be the main column. `position`: of the column's header in the load's event_columns; `others`: whether any other
   event counts. #}
{% macro of_event(column, position, others) -%}
    {%- if others -%}
    cast(
        multiIf(
            x.event = '', r.{{ column }},
            startsWith(r.text_{{ column }}, '['),
            insightflow_tier_sum(r.text_{{ column }}, l.event_tiers[x.event]) / greatest(l.unit_divisor['{{ column }}'], 1),
            l.event_columns[x.event][{{ position }}] = l.column_map['{{ column }}'], r.{{ column }},
            l.event_columns[x.event][{{ position }}] != '',
            insightflow_number(r.extra[l.event_columns[x.event][{{ position }}]], l.decimal_marks['{{ column }}'])
            / greatest(l.unit_divisor['{{ column }}'], 1),
            null
        ) as Nullable(Decimal(18, 6))
    )
    {%- else -%}
    r.{{ column }}
    {%- endif -%}
{%- endmacro %}

{# Whether in one of these tables of current exports a workspace counts another event than purchases, or, by the seed,
   will in the next that is built. #}
{% macro other_events_are_counted(relations, workspaces=none) %}
    {% if not execute %}
        {{ return(true) }}
    {% endif %}
    {% if workspaces is not none and run_query(
        "select count() from " ~ workspaces ~ " where conversion_event not in ('', 'purchase')"
    ).rows[0][0] > 0 %}
        {{ return(true) }}
    {% endif %}
    {% for relation in relations %}
        {% if run_query("select count() from " ~ relation ~ " where event != ''").rows[0][0] > 0 %}
            {{ return(true) }}
        {% endif %}
    {% endfor %}
    {{ return(false) }}
{% endmacro %}
