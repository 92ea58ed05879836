{# What is no ad: sources of web analytics. Their conversions and imported cost repeat those of platforms. #}
{% macro is_web_analytics(column) -%}
    {{ column }} in ('{{ var('web_analytics') | join("', '") }}')
{%- endmacro %}

{# The platform that a source and medium pay for, by the seed utm_sources; '' where it is none of them. `u` is its row. #}
{% macro join_utm_sources(source, medium) -%}
left join (
    select
        lower(k.utm_source) as utm_source,
        any(k.utm_medium_pattern) as medium_pattern,
        any(k.platform) as ad_platform
    from {{ ref('utm_sources') }} as k
    group by lower(k.utm_source)
) as u on lower(ifNull({{ source }}, '')) = u.utm_source
{%- endmacro %}

{% macro utm_platform(medium) -%}
    if(u.ad_platform != '' and match(lower(ifNull({{ medium }}, '')), u.medium_pattern), toString(u.ad_platform), '')
{%- endmacro %}

{# The names under which a campaign may be known to another tool: its id and its name, lower case, each once. #}
{% macro utm_names(source) -%}
    arrayFilter(
        name -> name != '',
        arrayDistinct([
            lower(coalesce({{ source }}.campaign_id, '')), lower(trimBoth(coalesce({{ source }}.campaign_name, '')))
        ])
    )
{%- endmacro %}
