{# Landing pages and what their URLs say of the campaign. Rows are s, with the segments that landing named. #}

{# The rows of staging that have segments of their own grain, or a landing page. #}
{% macro has_named_segments() -%}
    (
        grain in ('keyword', 'search_term', 'landing_page')
        or segments['landing_page'] != '' or segments['url_parameters'] != '' or segments['utm_source'] != ''
        or segments['utm_medium'] != '' or segments['utm_campaign'] != ''
    )
{%- endmacro %}

{# The URL of a cell: the first of a list, with a scheme; '' where the cell has none. #}
{% macro url_of(cell) -%}
    multiIf(
        match({{ cell }}, '(?i)https?://'), extract({{ cell }}, '(?i)https?://[^\\s"\'|;<>\\[\\]]+'),
        match({{ cell }}, '^[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+([/?#:]|$)'), concat('https://', {{ cell }}),
        ''
    )
{%- endmacro %}

{# Scheme and host in lower case, with the path as sent: what all clicks on a page share. #}
{% macro page_of(url) -%}
    if({{ url }} = '', null, concat(lower(protocol({{ url }})), '://', lower(domain({{ url }})), path({{ url }})))
{%- endmacro %}

{# A parameter of a query, decoded, or NULL. The first occurrence counts; names in any case. #}
{% macro url_parameter(query, name) -%}
    nullIf(trimBoth(
        decodeURLComponent(replaceAll(extract({{ query }}, '(?i)(?:^|[?&#])(?:amp;)?{{ name }}=([^&#]*)'), '+', ' '))
    ), '')
{%- endmacro %}

{#
  What platforms put in the place of their parameters when an ad is clicked: an export names the parameter.
  Google and Microsoft {campaignid}, {CampaignId}, {Campaign}; Meta {{campaign.id}}, {{campaign.name}}, {{adset.name}},
  {{ad.name}}; TikTok __CAMPAIGN_ID__; LinkedIn {{CAMPAIGN_NAME}}. A parameter that is not known stays as it is.
#}
{% macro resolved(value) -%}
    if(
        match({{ value }}, '[{]|__'),
        {%- set known = {
            'campaign[._]?id': 's.campaign_id', 'campaign([._]?name)?': 's.campaign_name',
            'ad(_?group|set)[._]?id': 's.ad_group_id', 'ad(_?group|set)([._]?name)?': 's.ad_group_name',
            '(ad|creative)[._]?id|creative': 's.ad_id', 'ad([._]?name)?': 's.ad_name',
            'keyword': "nullIf(s.segments['keyword'], '')", 'matchtype': "nullIf(s.segments['match_type'], '')"
        } %}
        {%- set text = namespace(sql=value) %}
        {%- for pattern, column in known.items() %}
        {%- set text.sql = "replaceRegexpAll(" ~ text.sql ~ ", '(?i)([{][{]? *(" ~ pattern ~ ") *[}]?[}]|__(" ~ pattern
            ~ ")__)', replaceAll(ifNull(toString(" ~ column ~ "), ''), '\\\\', ''))" %}
        {%- endfor %}
        {{ text.sql }},
        {{ value }}
    )
{%- endmacro %}
