{# The naming convention of a workspace: what its entities' names say, by the rules of seeds/name_patterns.csv. #}

{% macro name_parts() %}{{ return(['market', 'funnel_stage', 'audience']) }}{% endmacro %}

{# A CTE `parsed_names`: workspace, platform, name, and of each part the value that the first matching rule gives
   (by priority, then pattern), NULL where none matches. `names` is a relation with the columns workspace, platform
   and {entity}_name. A rule looks at the whole name, or with a delimiter at its token of that position (1 is the
   first, -1 the last). #}
{% macro parsed_names(names, entity) -%}
distinct_names as (
    select distinct
        workspace,
        platform,
        assumeNotNull({{ entity }}_name) as name
    from {{ names }}
    where {{ entity }}_name is not null
),

name_rules as (
    select
        n.workspace as workspace,
        n.platform as platform,
        n.name as name,
        r.part as part,
        (r.priority, r.pattern, r.value) as rank,
        r.pattern as pattern,
        r.value as value,
        if(
            r.delimiter = '',
            n.name,
            trimBoth(splitByChar('\x1f', replaceAll(n.name, r.delimiter, '\x1f'))[r.position])
        ) as subject
    from distinct_names as n
    cross join {{ ref('name_patterns') }} as r
    where
        r.entity = '{{ entity }}'
        and r.workspace in ('*', n.workspace)
        and r.platform in ('*', n.platform)
),

parsed_names as (
    select
        workspace,
        platform,
        name,
        {% for part in name_parts() -%}
        nullIf(
            trimBoth(
                argMinIf(
                    replaceRegexpOne(subject, concat('(?s)^.*?(?:', pattern, ').*$'), value),
                    rank,
                    part = '{{ part }}'
                )
            ), ''
        ) as {{ part }}{{ ',' if not loop.last }}
        {% endfor %}
    from name_rules
    where subject != '' and match(subject, pattern)
    group by workspace, platform, name
)
{%- endmacro %}
