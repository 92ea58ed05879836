{# How a table is filled. #}

{#
  A model that multiplies its rows is filled by several statements, each for a slice of its dates: what the engine holds
  grows with a slice, not with history (DECISIONS.md, 63). The model says where its dates are bounded, by `slice_start()`
  and `slice_end()`; as it stands they bound nothing, and dates below `slice_rows()` are one statement. Those are rows of
  its first ref(), unless its meta says by what it is `sliced_by`.
#}

{% macro slice_start() %}{{ return("toDate('1980-01-01')") }}{% endmacro %}
{% macro slice_end() %}{{ return("toDate('2100-01-01')") }}{% endmacro %}
{% macro slice_rows() %}{{ return(30000) }}{% endmacro %}

{# A day as a number lies in the slice. #}
{% macro in_slice(day) -%}
    {{ day }} between toInt32({{ slice_start() }}) and toInt32({{ slice_end() }})
{%- endmacro %}

{#
  Takes the place of dbt-clickhouse's macro of this name: one statement a slice, and where many dates are written, synced
  at once. All of it goes into a table that nobody reads yet, but in the very first build.
#}
{% macro clickhouse__insert_into(target_relation, sql, has_contract, use_columns_from_sql=False) %}
    {% set slices, at_once = slices_of(sql), syncs_at_once() %}
    {% if at_once %}
        {% call statement('sync_later') %}
            alter table {{ target_relation }} modify setting fsync_after_insert = 0, fsync_part_directory = 0
        {% endcall %}
    {% endif %}
    {% for slice in (slices if at_once else slices[:-1]) %}
        {% call statement('slice') %}
            {{ dbt.clickhouse__insert_into(target_relation, slice, has_contract, use_columns_from_sql) }}
        {% endcall %}
    {% endfor %}
    {% if at_once %}
        {% call statement('sync_always') %}
            alter table {{ target_relation }} reset setting fsync_after_insert, fsync_part_directory
        {% endcall %}
        system sync file cache
    {% else %}
        {{ dbt.clickhouse__insert_into(target_relation, slices[-1], has_contract, use_columns_from_sql) }}
    {% endif %}
{% endmacro %}

{# Whether this model is about to write so many dates that one sync of the file system costs less than those of a dozen
   files a date. Asked of servers that sync at all (the embedded one: DECISIONS.md, 17). #}
{% macro syncs_at_once() %}
    {% set dates, most = build_dates(), 30 %}
    {% set few = dates is not none and dates | length <= most %}
    {% if few or target.name == 'cluster' or not config.get('partition_by') %}
        {{ return(false) }}
    {% endif %}
    {% set found = run_query(
        "select (select toUInt8(value) from system.merge_tree_settings where name = 'fsync_after_insert') as syncs,"
        ~ " (select uniqExact(partition_id) from system.parts where active and database = '" ~ this.schema ~ "'"
        ~ " and table = '" ~ this.identifier ~ "') as dates"
    ).rows[0] %}
    {{ return(found[0] | int == 1 and (dates is not none or found[1] | int > most)) }}
{% endmacro %}

{# The statement once for each slice; the first and the last are open, so no date is left out. #}
{% macro slices_of(sql) %}
    {% if slice_start() not in sql %}
        {{ return([sql]) }}
    {% endif %}
    {% set dates = written_periods('day') %}
    {% if dates is not none and dates | length < 2 %}
        {{ return([sql]) }}
    {% endif %}
    {% set counted = run_query(
        "select toString(date) as day, count() from " ~ ref(config.get('meta', {}).get('sliced_by', model.refs[0]['name']))
        ~ " where " ~ in_dates('date', dates) ~ " group by day order by day"
    ).rows %}
    {% set slices, current = [[]], namespace(rows=0) %}
    {% for day in counted %}
        {% if slices[-1] and current.rows + day[1] | int > slice_rows() %}
            {% do slices.append([]) %}
            {% set current.rows = 0 %}
        {% endif %}
        {% do slices[-1].append(day[0]) %}
        {% set current.rows = current.rows + day[1] | int %}
    {% endfor %}
    {% set statements = [] %}
    {% for days in slices %}
        {% set first = slice_start() if loop.first else "toDate('" ~ days[0] ~ "')" %}
        {% set last = slice_end() if loop.last else "toDate('" ~ days[-1] ~ "')" %}
        {% do statements.append(sql.replace(slice_start(), first).replace(slice_end(), last)) %}
    {% endfor %}
    {{ return(statements) }}
{% endmacro %}
