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

{# The loads, or those that `relation` names, with the event that their workspace counts and what they leave out where
   it is 0. #}
{% macro loads_as_counted(relation=none) -%}
    select
        f.load_id as load_id,
        f.file_id as file_id,
        f.export_order as exported_at,
        f.restatement_days as restatement_days,
        coalesce(nullIf(w.conversion_event, ''), 'purchase') as event,
        event = 'purchase' as counts_purchases,
        f.event_tiers[event] != [] as has_tiers,
        f.event_columns[event] as event_headers,
        f.missing_is_zero and mapContains(f.column_map, 'impressions') as impressions_zero,
        f.missing_is_zero and mapContains(f.column_map, 'clicks') as clicks_zero,
        f.missing_is_zero and mapContains(f.column_map, 'cost') as cost_zero,
        f.missing_is_zero and if(
            counts_purchases, mapContains(f.column_map, 'conversions'), has_tiers or event_headers[1] != ''
        ) as conversions_zero,
        f.missing_is_zero and if(
            counts_purchases,
            mapContains(f.column_map, 'conversion_value'),
            has_tiers or event_headers[2] != ''
        ) as conversion_value_zero
    from {{ source('ops', 'current_loads') }} as f
    -- any: a workspace that is listed twice, until the seed's test has refused it, must not double rows
    left any join {{ ref('workspaces') }} as w on f.workspace = w.workspace
    {%- if relation %}
    where f.load_id in (select s.load_id from {{ relation }} as s)
    {%- endif %}
{%- endmacro %}
