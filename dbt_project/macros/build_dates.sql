{#
  Which dates an invocation rebuilds: include/transform names them in INSIGHTFLOW_DBT_DATES. A variable of dbt would
  make it parse the whole project again, and a table would make builds take turns; the environment is each build's own.
#}

{# ISO dates to rebuild. None means the whole history: dbt was called by hand, without dates. Read only when a node
   runs, for dbt parses again when the environment that parsing read has changed. #}
{% macro build_dates() %}
    {% if not execute %}
        {{ return(none) }}
    {% endif %}
    {% set dates = env_var('INSIGHTFLOW_DBT_DATES', 'all') | trim %}
    {% if dates == 'all' %}
        {{ return(none) }}
    {% endif %}
    {{ return(dates.split(',') if dates else []) }}
{% endmacro %}

{# First days of the periods ('day', 'week' from Monday, 'month', 'year') that hold the build dates, or with
   `following` also those that hold the days up to so many days after. #}
{% macro build_periods(period, following=0) %}
    {% set dates = build_dates() %}
    {% if following and dates %}
        {% set ends = [] %}
        {% for date in dates %}
            {% do ends.append((modules.datetime.date.fromisoformat(date)
                + modules.datetime.timedelta(days=following)).isoformat()) %}
        {% endfor %}
        {% set dates = dates + ends %}
    {% endif %}
    {% if dates is none %}
        {{ return(none) }}
    {% endif %}
    {% set firsts = [] %}
    {% for date in dates %}
        {% set first = period_start(date, period) %}
        {% if first not in firsts %}
            {% do firsts.append(first) %}
        {% endif %}
    {% endfor %}
    {{ return(firsts) }}
{% endmacro %}

{# First day of the period that holds an ISO date. #}
{% macro period_start(date, period) %}
    {% set day = modules.datetime.date.fromisoformat(date) %}
    {% if period == 'week' %}
        {% set day = day - modules.datetime.timedelta(days=day.weekday()) %}
    {% elif period == 'month' %}
        {% set day = day.replace(day=1) %}
    {% elif period == 'year' %}
        {% set day = day.replace(month=1, day=1) %}
    {% endif %}
    {{ return(day.isoformat()) }}
{% endmacro %}

{# All days of the periods that hold the build dates. #}
{% macro build_days_of(period) %}
    {% set firsts = build_periods(period) %}
    {% if firsts is none or period == 'day' %}
        {{ return(firsts) }}
    {% endif %}
    {% set days = [] %}
    {% for first in firsts %}
        {% set start = modules.datetime.date.fromisoformat(first) %}
        {% for n in range(7 if period == 'week' else 31) %}
            {% set day = start + modules.datetime.timedelta(days=n) %}
            {% if period == 'week' or day.month == start.month %}
                {% do days.append(day.isoformat()) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(days) }}
{% endmacro %}

{# A condition `column in (dates)`: 1 (all) for None, 0 for an empty list. #}
{% macro in_dates(column, dates) -%}
    {%- if dates is none -%}
        1
    {%- elif dates | length == 0 -%}
        0
    {%- else -%}
        {{ column }} in ('{{ dates | join("', '") }}')
    {%- endif -%}
{%- endmacro %}

{# Whether this is an incremental run of an incremental model. Unit tests run the model's SQL under another
   materialization and without a table: they read all their rows. #}
{% macro rebuilds_dates() %}
    {{ return(execute and model.config.materialized == 'incremental' and is_incremental()) }}
{% endmacro %}

{# For models: the condition that reads only the rows of the dates to rebuild; 1 in a full refresh or first run.
   period='week' or 'month' takes all days of the weeks or months that the build dates touch. #}
{% macro only_build_dates(column='date', period='day') -%}
    {%- if rebuilds_dates() -%}
        {{ in_dates(column, build_days_of(period)) }}
    {%- else -%}
        1
    {%- endif -%}
{%- endmacro %}

{# For models that hold a period's first day: `week_start in (…)`. #}
{% macro only_build_periods(column, period, following=0) -%}
    {%- if rebuilds_dates() -%}
        {{ in_dates(column, build_periods(period, following)) }}
    {%- else -%}
        1
    {%- endif -%}
{%- endmacro %}

{# For data tests: the same, by column name (week_start and month_start hold periods). The cost of a daily run's
   tests does not grow with history; `dbt build --full-refresh` tests everything. #}
{% macro only_tested_dates(column='date') -%}
    {%- if flags.FULL_REFRESH -%}
        1
    {%- else -%}
        {{ in_dates(column, build_periods(period_of(column))) }}
    {%- endif -%}
{%- endmacro %}

{# 'week' for week_start, 'month' for month_start and month, 'year' for year_start, else 'day'. #}
{% macro period_of(column) -%}
    {% set periods = {'week_start': 'week', 'month_start': 'month', 'month': 'month', 'year_start': 'year'} %}
    {{ return(periods.get(column | string, 'day')) }}
{%- endmacro %}

{# The dates and those with data at most `days` after one of them, ISO, sorted. Not by ref(): models ask that the mart is
   made of. The outer bounds keep the engine from opening any other partition. Asked once an invocation, for nearly
   every node wants to know, several times: `graph` is the dictionary that all nodes share. #}
{% macro with_days_after(dates, days) %}
    {% set question = 'days_after ' ~ days ~ ' ' ~ dates | join(' ') %}
    {% if question not in graph %}
        {% set accounts = api.Relation.create(schema=target.schema, identifier='mart_account_daily') %}
        {% set found = run_query(
            "select distinct toString(date) as day from " ~ accounts
            ~ " where date > toDate('" ~ dates | min ~ "') and date <= toDate('" ~ dates | max ~ "') + " ~ days
            ~ " and arrayExists(d -> date > d and date <= d + " ~ days ~ ", ["
            ~ "toDate('" ~ dates | join("'), toDate('") ~ "')])"
        ) %}
        {% do graph.update({question: (dates + (found.rows | map(attribute=0) | list)) | unique | sort}) %}
    {% endif %}
    {{ return(graph[question]) }}
{% endmacro %}

{# The build dates and the days with data up to `days` after the last of them that these touch: what looks back
   over `days` days is rebuilt for all of them. None: the whole history. At the end of history this is the build
   dates and nothing more. #}
{% macro dates_and_following(days) %}
    {% set dates = build_dates() if rebuilds_dates() else none %}
    {% if not dates %}
        {{ return(dates) }}
    {% endif %}
    {{ return(with_days_after(dates, days)) }}
{% endmacro %}

{# First days of the periods that a model writes: the build dates, unless it looks back and so writes more. Its meta says
   so: `writes: anomaly_dates` in the layers above the marts, else `looks_back: days`. None: the whole history. #}
{% macro written_periods(period) %}
    {% set meta = config.get('meta', {}) %}
    {% if meta.get('writes') == 'anomaly_dates' %}
        {{ return(anomaly_dates()) }}
    {% elif meta.get('looks_back') and period == 'day' %}
        {{ return(dates_and_following(meta['looks_back'])) }}
    {% endif %}
    {{ return(build_periods(period, meta.get('looks_back', 0))) }}
{% endmacro %}

{# For data tests that read daily rows of another table: all days of the periods under test. #}
{% macro only_tested_days_of(period='day') -%}
    {%- if flags.FULL_REFRESH -%}
        1
    {%- else -%}
        {{ in_dates('date', build_days_of(period)) }}
    {%- endif -%}
{%- endmacro %}
