{#
  Lets a data test say `where: build_dates(date)`. A macro in a yml file is rendered when dbt parses and would
  freeze the dates in the manifest; this renders them when the test runs.
#}
{% macro get_where_subquery(relation) -%}
    {% set condition = namespace(text=config.get('where', '')) %}
    {% if not condition.text %}
        {% do return(relation) %}
    {% endif %}
    {% for column in ['date', 'date_end', 'week_start', 'month_start', 'month', 'year_start'] %}
        {% set mark = 'build_dates(' ~ column ~ ')' %}
        {% if mark in condition.text %}
            {% set condition.text = condition.text | replace(mark, only_tested_dates(column)) %}
        {% endif %}
    {% endfor %}
    {% do return('(select * from ' ~ relation ~ ' where ' ~ condition.text ~ ') as dbt_subquery') %}
{%- endmacro %}
