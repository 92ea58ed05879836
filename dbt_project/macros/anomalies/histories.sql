{# How a run takes up the arrays that the run of the day before made, instead of reading 56 days again. #}

{# The day to judge when it is one, and the table of the last run can be read: its arrays are of these `values`. #}
{% macro day_that_carries_on(values) %}
    {% set dates = anomaly_dates() %}
    {% if not execute or not dates or dates | length != 1 or target.name == 'cluster' %}
        {{ return(none) }}
    {% endif %}
    {% set made = load_cached_relation(this) %}
    {% if made is none %}
        {{ return(none) }}
    {% endif %}
    {% set columns = adapter.get_columns_in_relation(made) | map(attribute='name') | list %}
    {% for column in values + ['series', 'is_part', 'first_day', 'made_of'] if column not in columns %}
        {{ return(none) }}
    {% endfor %}
    {{ return(dates[0]) }}
{% endmacro %}

{# A number for the rows that the series have of the days from `first` to `last` days before a day: rows that were
   replaced have block numbers of their own, and merges keep these. #}
{% macro days_content(day, first, last) -%}
    {%- set series = ref('int_anomaly_series') -%}
    (
        select groupBitXor(cityHash64(b.written_in, b.partition_id, b.blocks)) + count()
        from (
            select
                y.partition_id as partition_id,
                any(u.uuid) as written_in,
                (min(y.min_block_number), max(y.max_block_number)) as blocks
            from system.parts as y
            inner join system.tables as u on y.database = u.database and y.table = u.name
            where
                y.active
                and y.database = '{{ series.schema }}'
                and y.table = '{{ series.identifier }}'
                and y.partition_id between toString(toYYYYMMDD(toDate('{{ day }}') - {{ first }}))
                and toString(toYYYYMMDD(toDate('{{ day }}') - {{ last }}))
            group by y.partition_id
        ) as b
    )
{%- endmacro %}
