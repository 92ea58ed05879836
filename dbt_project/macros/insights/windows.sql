{# The days to judge for which a row of `date` lies in the window of `days` that ends on them: an array to join. One day,
   as a daily run has it, needs no search. #}
{% macro judged_windows(date, days) -%}
    {%- set judged = anomaly_dates() -%}
    {%- if judged and judged | length == 1 -%}
    {%- set day = "toDate('" ~ judged[0] ~ "')" -%}
    if({{ date }} between {{ day }} - {{ days - 1 }} and {{ day }}, [{{ day }}], [])
    {%- else -%}
    arrayFilter(ending -> {{ only_anomaly_dates('ending') }}, arrayMap(n -> {{ date }} + n, range({{ days }})))
    {%- endif -%}
{%- endmacro %}

{# The same as an expression of a day's row, which it multiplies where several days are judged. For rows that lie in
   `with_history` of the window: with one day to judge all of them do. #}
{% macro window_ends(date, days) -%}
    {%- set judged = anomaly_dates() -%}
    {%- if judged and judged | length == 1 -%}
    toDate('{{ judged[0] }}')
    {%- else -%}
    arrayJoin({{ judged_windows(date, days) }})
    {%- endif -%}
{%- endmacro %}

{# The last day with data of each workspace, within the days to judge and `days` before: a window function would sort
   all rows for it. #}
{% macro insight_last_dates(mart, days) -%}
    select
        x.workspace as workspace,
        max(x.date) as last_date
    from {{ ref(mart) }} as x
    where {{ with_history('x.date', days) }}
    group by x.workspace
{%- endmacro %}

{# Whether a campaign and day of `source` is none of those with a flag of int_insight_problems, nor its account. #}
{% macro is_none_of_problems(source, flag) -%}
    {%- for entity in [source ~ '.entity_id', "''"] %}
    ({{ source }}.workspace, {{ source }}.platform, {{ source }}.account_id, {{ entity }}, {{ source }}.date_end) not in (
        select
            p.workspace,
            p.platform,
            p.account_id,
            p.entity_id,
            p.date_end
        from {{ ref('int_insight_problems') }} as p
        where p.{{ flag }}
    )
    {{- ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Whether a campaign takes no more budget, as the workspace's settings `s` say of its name. #}
{% macro takes_no_more(name) -%}
    (s.receiver_exclude != '' and match({{ name }}, s.receiver_exclude))
{%- endmacro %}

{# “Campaign” (Account, Platform) #}
{% macro campaign_text(source) -%}
    concat(
        '“', {{ source }}.entity_name, '” (', {{ source }}.account_name, ', ', {{ platform_text(source ~ '.platform') }}, ')'
    )
{%- endmacro %}

{# The columns that every source of insights gives, of one type each, so that they can be united. #}
{% macro insight_columns(source) -%}
    {%- set types = {
        'entity_id': 'String', 'entity_name': 'String', 'kind': 'String', 'severity': 'String', 'entity_type': 'String',
        'metric': 'String', 'account_id': 'Nullable(String)', 'title': 'Nullable(String)', 'body': 'Nullable(String)',
        'next_step': 'Nullable(String)', 'impact_basis': 'Nullable(String)',
        'impact_amount': 'Nullable(Decimal(18, 2))', 'impact_currency': 'Nullable(String)',
        'confidence': 'Nullable(Float64)', 'is_provisional': 'Bool', 'platform': 'LowCardinality(String)', 'workspace': 'LowCardinality(String)',
    } -%}
    {%- for column in [
        'workspace', 'insight_key', 'kind', 'severity', 'entity_type', 'entity_id', 'entity_name', 'platform',
        'account_id', 'metric', 'date_start', 'date_end', 'title', 'body', 'next_step', 'impact_basis',
        'impact_amount', 'impact_currency', 'confidence', 'evidence', 'is_provisional'
    ] -%}
    {%- if column in types -%}
    cast({{ source }}.{{ column }} as {{ types[column] }}) as {{ column }}
    {%- else -%}
    {{ source }}.{{ column }} as {{ column }}
    {%- endif -%}
    {{ ',
        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# No entities, of the type that a budget shift and worn ads give. #}
{% macro insight_no_entities() -%}
    cast([], 'Array(Tuple(String, String, String))')
{%- endmacro %}

{# Whether a budget, a tuple of (platform, account, campaign, …), lies in another and is not the same. #}
{% macro budget_lies_in(narrow, wide) -%}
    (
        {{ wide }}.1 in ('', {{ narrow }}.1) and {{ wide }}.2 in ('', {{ narrow }}.2) and {{ wide }}.3 in ('', {{ narrow }}.3)
        and ({{ wide }}.1, {{ wide }}.2, {{ wide }}.3) != ({{ narrow }}.1, {{ narrow }}.2, {{ narrow }}.3)
    )
{%- endmacro %}

{# Whether a budget within this one carries 60 % of its miss; the fourth element of the tuples is the money. #}
{% macro has_cause_within(own, others) -%}
    arrayExists(x -> {{ budget_lies_in('x', own) }} and x.4 >= 0.6 * {{ own }}.4, {{ others }})
{%- endmacro %}

{# Whether this budget lies in one that is missed by many parts together. #}
{% macro is_part_of_cause(own, others) -%}
    arrayExists(
        wide -> {{ budget_lies_in(own, 'wide') }} and not {{ has_cause_within('wide', others) }}, {{ others }}
    )
{%- endmacro %}

{# How many elements of an array are above a number. #}
{% macro count_above(numbers, number) -%}
    arrayCount(n -> n > {{ number }}, {{ numbers }})
{%- endmacro %}
