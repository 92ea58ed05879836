{#
  Which days are judged again. A restated day stands in the baseline of later days, so these are judged with it:
  up to as many days on as a score looks back, never beyond the last day that has data. And a day of which accounts
  were awaited until now, for which a later day has come. For the daily run at the end of history this is the build
  dates and nothing more.
#}

{# Days of the marts that a day's scores depend on: a baseline of 56 days, and the 28 days before each of them that
   say whether a campaign without a row was active. #}
{% macro anomaly_history_days() %}{{ return(84) }}{% endmacro %}

{# Whether the whole history is judged: in a full refresh, and until the layer's table was made once. Tables that
   every run makes anew ask for the layer's last table, for they exist themselves in the middle of a first run. #}
{% macro judges_all() %}
    {% if model.config.materialized == 'incremental' %}
        {{ return(not is_incremental()) }}
    {% endif %}
    {% set last = 'insight_feed' if 'insights' in model.fqn else 'anomaly_daily' %}
    {% set made = load_cached_relation(api.Relation.create(schema=target.schema, identifier=last)) %}
    {{ return(flags.FULL_REFRESH or made is none) }}
{% endmacro %}

{# ISO dates to judge, or none for the whole history. #}
{% macro anomaly_dates() %}
    {% set dates = none if not execute or judges_all() else build_dates() %}
    {% if dates is none or dates | length == 0 %}
        {{ return(dates) }}
    {% endif %}
    {{ return((with_days_after(dates, anomaly_history_days()) + overdue_days(dates)) | unique | sort) }}
{% endmacro %}

{# The days from a workspace's last day with data before one of the dates until that date, on which an account is not
   there that int_anomaly_missing expects: until the date came it was awaited. And days that were told missing though
   nothing of a later day is there any more. The dates themselves are asked of staging, for the marts may be in the
   making. Asked once an invocation. #}
{% macro overdue_days(dates) %}
    {% set question = 'overdue_days ' ~ dates | join(' ') %}
    {% if question not in graph %}
        {% set accounts = api.Relation.create(schema=target.schema, identifier='mart_account_daily') %}
        {% set staged = api.Relation.create(schema='staging', identifier='stg_ad_performance') %}
        {% set literals = "toDate('" ~ dates | join("'), toDate('") ~ "')" %}
        {% set within = "date between toDate('" ~ dates | min ~ "') - 56 and toDate('" ~ dates | max ~ "')" %}
        {% set days = "(select workspace, date from " ~ accounts ~ " where " ~ within ~ " and date not in (" ~ literals
            ~ ") union all select distinct workspace, date from " ~ staged ~ " where date in (" ~ literals ~ "))" %}
        {% set came = run_query(
            "select distinct toString(toDate(w.day)) as day from (select workspace,"
            ~ " arrayJoin(arrayFlatten(arrayMap((before, day) -> if(day - before <= 28 and has(arrayMap(d -> toInt32(d), ["
            ~ literals ~ "]), day), range(before, day), []), arrayPopBack(days), arrayPopFront(days)))) as day"
            ~ " from (select workspace, arraySort(groupUniqArray(toInt32(date))) as days from " ~ days
            ~ " group by workspace)) as w inner join ("
            ~ "select workspace, groupUniqArray(toInt32(date)) as days from " ~ accounts ~ " where " ~ within
            ~ " group by workspace, platform, coalesce(account_id, account_name, '')) as a on w.workspace = a.workspace"
            ~ " where not has(a.days, w.day) and arrayCount(day -> day < w.day and day >= w.day - 28, a.days) >= 14"
        ) %}
        {% set told = [] %}
        {% for name, day in [('anomaly_daily', 'date'), ('insight_feed', 'date_end')] %}
            {% set table = load_cached_relation(api.Relation.create(schema=target.schema, identifier=name)) %}
            {% if table is not none %}
                {% do told.append("select workspace, " ~ day ~ " as day from " ~ table ~ " where kind = 'data_missing' and "
                    ~ within | replace('date', day, 1)) %}
            {% endif %}
        {% endfor %}
        {% set went = run_query(
            "select distinct toString(t.day) as day from (" ~ told | join(' union all ') ~ ") as t left join ("
            ~ "select workspace, max(date) as last_day from " ~ days ~ " group by workspace) as w"
            ~ " on t.workspace = w.workspace where t.day >= w.last_day"
        ) if told else none %}
        {% do graph.update({question: (came.rows | map(attribute=0) | list)
            + (went.rows | map(attribute=0) | list if went else [])}) %}
    {% endif %}
    {{ return(graph[question]) }}
{% endmacro %}

{# `column in (days to judge)`; 1 for the whole history. #}
{% macro only_anomaly_dates(column='date') -%}
    {{ in_dates(column, anomaly_dates()) }}
{%- endmacro %}

{# `column` lies in the days to judge or in the `days` before the first of them. #}
{% macro with_history(column='date', days=none) -%}
    {%- set judged = anomaly_dates() -%}
    {%- if judged is none -%}
        1
    {%- elif judged | length == 0 -%}
        0
    {%- else -%}
        {{ column }} between toDate('{{ judged | first }}') - {{ days or anomaly_history_days() }} and toDate('{{ judged | last }}')
    {%- endif -%}
{%- endmacro %}

{# `column` lies in the history of the days to judge and is none of them: what earlier runs wrote. #}
{% macro before_judged(column='date', days=none) -%}
    {{ with_history(column, days) }} and not ({{ only_anomaly_dates(column) }})
{%- endmacro %}

{# The days of a range, both ends included; none where it ends before it begins. #}
{% macro days_between(first, last) -%}
    arrayMap(n -> {{ first }} + n, range(toUInt32(greatest({{ last }} - {{ first }} + 1, 0))))
{%- endmacro %}
