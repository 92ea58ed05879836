{# What the dimensions and the lifecycle share: entities and their names, kept by month and by year, so that a day's
   run reads the facts of its month and one row a year of the rest. #}

{% macro entity_levels() %}{{ return(['account', 'campaign', 'ad_group', 'ad']) }}{% endmacro %}

{# An entity, its parents and its key: the id, or the name where the export has no ids. #}
{% macro entity_path_columns(source) -%}
    {%- for level in entity_levels() -%}
    {{ source }}.{{ level }}_id as {{ level }}_id,
    {{ source }}.{{ level }}_key as {{ level }}_key{{ ',' if not loop.last }}
    {% endfor -%}
{%- endmacro %}

{# The same, for `group by`. #}
{% macro entity_path(source) -%}
    {%- for level in entity_levels() -%}
    {{ source }}.{{ level }}_id,
    {{ source }}.{{ level }}_key{{ ',' if not loop.last }}
    {% endfor -%}
{%- endmacro %}

{# Ids and names of all levels of facts: as columns, or for `group by`. #}
{% macro named_entity_path(source, grouped=false) -%}
    {%- for level in entity_levels() -%}
        {%- for column in [level ~ '_id', level ~ '_name'] -%}
    {{ source }}.{{ column }}{{ ' as ' ~ column if not grouped }}{{ ',' if not (loop.last and level == 'ad') }}
    {% endfor -%}
    {%- endfor -%}
{%- endmacro %}

{# Each of `rows` (spans of facts) once for every entity that it names, from the account down. #}
{% macro entities_of_all_levels(rows) -%}
{% for entity in entity_levels() -%}
    {%- set levels = entity_levels()[:loop.index] -%}
    select
        '{{ entity }}' as entity_type,
        m.workspace as workspace,
        m.platform as platform,
        m.grain as grain,
        m.month_start as month_start,
        {% for level in entity_levels() -%}
            {%- if level in levels -%}
                m.{{ level }}_id as {{ level }}_id,
                coalesce(m.{{ level }}_id, m.{{ level }}_name, '') as {{ level }}_key,
            {% else -%}
                cast(null as Nullable(String)) as {{ level }}_id,
                '' as {{ level }}_key,
            {% endif -%}
        {% endfor -%}
        m.{{ entity }}_name as name,
        m.first_date as first_date,
        m.seen.1 as last_date,
        m.seen.2 as last_exported_at,
        m.newest_currency as currency,
        m.last_active_date as last_active_date
    from {{ rows }} as m
    where coalesce(m.{{ entity }}_id, m.{{ entity }}_name) is not null
    {% if not loop.last %}union all{% endif %}
{% endfor %}
{%- endmacro %}

{# Spans of an entity's name over rows that hold such spans already, for one `group by` of entity and name. #}
{% macro entity_spans(source) -%}
    min({{ source }}.first_date) as first_seen,
    max(({{ source }}.last_date, {{ source }}.last_exported_at)) as seen,
    argMax(
        {{ source }}.currency, ({{ source }}.last_date, {{ source }}.last_exported_at, coalesce({{ source }}.currency, ''))
    ) as newest_currency,
    max({{ source }}.last_active_date) as last_active
{%- endmacro %}

{# The same columns under the names of the table. #}
{% macro entity_span_columns(source) -%}
    {{ source }}.first_seen as first_date,
    {{ source }}.seen.1 as last_date,
    {{ source }}.seen.2 as last_exported_at,
    cast({{ source }}.newest_currency as LowCardinality(Nullable(String))) as currency,
    {{ source }}.last_active as last_active_date
{%- endmacro %}

{# A dimension: the latest name of an entity, and every name it was seen under. With `parsed` also what the
   workspace's naming convention says of the latest name. #}
{% macro entity_dimension(entity, parsed=false) -%}
    {%- set levels = entity_levels()[:entity_levels().index(entity) + 1] -%}
with entities as (
    select
        n.workspace as workspace,
        n.platform as platform,
        {% for level in levels -%}
        n.{{ level }}_id as {{ level }}_id,
        {% endfor -%}
        argMax(n.name, (n.last_date, n.last_exported_at, coalesce(n.name, ''))) as {{ entity }}_name,
        {% if entity == 'account' -%}
        argMax(n.currency, (n.last_date, n.last_exported_at, coalesce(n.currency, ''))) as last_currency,
        {% endif -%}
        min(n.first_date) as first_day,
        max(n.last_date) as last_day,
        groupArrayIf((assumeNotNull(n.name), n.first_date, n.last_date), n.name is not null) as spans
    from {{ ref('int_entity_years') }} as n
    where n.entity_type = '{{ entity }}'
    group by
        n.workspace,
        n.platform,
        {% for level in levels -%}
        n.{{ level }}_id,
        n.{{ level }}_key{{ ',' if not loop.last }}
        {% endfor -%}
)

{%- if parsed %},

{{ parsed_names('entities', entity) }}
{%- endif %}

select
    e.workspace as workspace,
    e.platform as platform,
    {% for level in levels -%}
    e.{{ level }}_id as {{ level }}_id,
    {% endfor -%}
    e.{{ entity }}_name as {{ entity }}_name,
    {% if entity == 'account' -%}
    cast(e.last_currency as LowCardinality(Nullable(String))) as currency,
    {% endif -%}
    {% if parsed -%}
    {% for part in name_parts() -%}
    p.{{ part }} as {{ part }},
    {% endfor -%}
    {% endif -%}
    e.first_day as first_date,
    e.last_day as last_date,
    -- a name has a span in each year of the history: one of all of them
    cast(
        arraySort(
            seen_name -> (seen_name.2, seen_name.1),
            arrayMap(
                seen_name -> (
                    seen_name,
                    arrayMin(span -> span.2, arrayFilter(span -> span.1 = seen_name, e.spans)),
                    arrayMax(span -> span.3, arrayFilter(span -> span.1 = seen_name, e.spans))
                ),
                arrayDistinct(e.spans.1)
            )
        ) as Array(Tuple(String, Date, Date))
    ) as names_seen
from entities as e
{%- if parsed %}
left join parsed_names as p
    on e.workspace = p.workspace and e.platform = p.platform and e.{{ entity }}_name = p.name
{%- endif %}
{%- endmacro %}

{# Key and name of an account or campaign, never NULL: an export without ids names its entities, one without names has ids. #}
{% macro keyed_entity(source, level) -%}
    coalesce({{ source }}.{{ level }}_id, {{ source }}.{{ level }}_name, '') as {{ level }}_id,
    coalesce({{ source }}.{{ level }}_name, {{ source }}.{{ level }}_id, '') as {{ level }}_name
{%- endmacro %}
