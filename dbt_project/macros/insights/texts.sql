{# How numbers, dates and names are written in insights. What is no number (NULL, nan, inf) is said to be unknown. #}

{# 1234567.8 as 1,234,568; below 100 with two decimals; NULL for what is no number. #}
{% macro number_text(number) -%}
    if(
        abs({{ number }}) >= 100 or {{ number }} = round({{ number }}),
        concat(
            if({{ number }} < -0.5, '-', ''),
            trim(leading ',' from reverse(replaceRegexpAll(
                reverse(toString(accurateCastOrNull(round(abs({{ number }})), 'UInt64'))), '([0-9]{3})', '\\1,'
            )))
        ),
        nullIf(toDecimalString({{ number }}, 2), 'nan')
    )
{%- endmacro %}

{# USD 1,235 #}
{% macro money_text(amount, currency) -%}
    ifNull(trimBoth(concat(ifNull({{ currency }}, ''), ' ', {{ number_text(amount) }})), 'an unknown amount')
{%- endmacro %}

{# 0.0123 as 1.23 % #}
{% macro percent_text(fraction) -%}
    concat(
        ifNull(
            if(
                abs({{ fraction }}) < 0.0995,
                toDecimalString(100 * ({{ fraction }}), 2),
                nullIf(extract(toDecimalString(100 * ({{ fraction }}), 0), '^-?[0-9]+'), '')
            ), '?'
        ), ' %'
    )
{%- endmacro %}

{# 30 Jun 2026 #}
{% macro date_text(date) -%}
    concat(toString(toDayOfMonth({{ date }})), ' ', formatDateTime({{ date }}, '%b %Y'))
{%- endmacro %}

{# Platforms as they write themselves; the dashboard's lib/format.js has the same, and a test holds the two together. #}
{% macro platform_names() %}
    {{ return({
        'google_ads': 'Google Ads', 'meta_ads': 'Meta Ads', 'tiktok_ads': 'TikTok Ads', 'linkedin_ads': 'LinkedIn Ads',
        'microsoft_ads': 'Microsoft Ads', 'pinterest_ads': 'Pinterest Ads', 'snapchat_ads': 'Snapchat Ads',
        'x_ads': 'X Ads', 'reddit_ads': 'Reddit Ads', 'amazon_ads': 'Amazon Ads',
        'apple_search_ads': 'Apple Search Ads', 'dv360': 'DV360', 'cm360': 'CM360', 'ga4': 'GA4',
        'generic': 'Other tables', 'fx_rates': 'Exchange rates',
    }) }}
{% endmacro %}

{# google_ads as Google Ads; one without a name as it is, with a capital: my_network as My network #}
{% macro platform_text(platform) -%}
    transform(
        toString({{ platform }}), ['{{ platform_names().keys() | join("', '") }}'],
        ['{{ platform_names().values() | join("', '") }}'],
        concat(upper(left({{ platform }}, 1)), replaceAll(substring({{ platform }}, 2), '_', ' '))
    )
{%- endmacro %}

{# A metric as people say it; unknown ones as they are. #}
{% macro metric_text(metric) -%}
    transform(
        {{ metric }},
        ['impressions', 'clicks', 'cost', 'conversions', 'conversion_value', 'ctr', 'cpc', 'cvr', 'cpa', 'roi'],
        [
            'Impressions', 'Clicks', 'Spend', 'Conversions', 'Conversion value', 'Click-through rate', 'Cost per click',
            'Conversion rate', 'Cost per conversion', 'ROI'
        ],
        {{ metric }}
    )
{%- endmacro %}

{# A metric's value in its unit. #}
{% macro value_text(metric, value, currency) -%}
    multiIf(
        {{ value }} is null, 'nothing',
        {{ metric }} in ('cost', 'conversion_value', 'cpc', 'cpa'), {{ money_text(value, currency) }},
        {{ metric }} in ('ctr', 'cvr', 'roi'), {{ percent_text(value) }},
        ifNull({{ number_text('round(' ~ value ~ ')') }}, '?')
    )
{%- endmacro %}

{# A string as a literal of SQL. #}
{% macro sql_literal(text) -%}
    concat('''', replaceAll(replaceAll({{ text }}, '\\', '\\\\'), '''', ''''''), '''')
{%- endmacro %}

{# A word of a command line: in quotes where a shell would take it for several. #}
{% macro shell_word(text) -%}
    if(
        match({{ text }}, '^[A-Za-z0-9_.@%+=:,-]+$'), {{ text }},
        concat('\'', replaceAll({{ text }}, '\'', '\'\\\'\''), '\'')
    )
{%- endmacro %}

{# Money of a mart's row as insights tell it, as columns of a query for readers: in reporting currency, and in the
   account's where the day has no rate. #}
{% macro evidence_money() -%}
    coalesce(cost_reporting, cost) AS cost, conversions, coalesce(conversion_value_reporting, conversion_value) AS conversion_value, if(coalesce(cost_reporting, conversion_value_reporting) IS NULL, currency, reporting_currency) AS currency
{%- endmacro %}

{# The query that shows the rows behind an insight, `days` before its first day too. Days without a row stand in it, empty:
   that is how a stop looks. #}
{% macro evidence_sql(source, days=14) -%}
    concat(
        'SELECT date, impressions, clicks, {{ evidence_money() }}, ctr, coalesce(cpc_reporting, cpc) AS cpc, cvr, ',
        'coalesce(cpa_reporting, cpa) AS cpa, roi FROM marts.mart_',
        {{ source }}.entity_type, '_daily WHERE workspace = ', {{ sql_literal(source ~ '.workspace') }},
        ' AND platform = ', {{ sql_literal(source ~ '.platform') }},
        if(
            {{ source }}.entity_type = 'platform', '',
            concat(' AND coalesce(account_id, account_name) = ', {{ sql_literal(source ~ '.account_id') }})
        ),
        multiIf(
            {{ source }}.entity_type = 'campaign',
            concat(' AND coalesce(campaign_id, campaign_name) = ', {{ sql_literal(source ~ '.entity_id') }}),
            {{ is_part(source ~ '.entity_type') }},
            concat(' AND ', {{ source }}.entity_type, '_id = ', {{ sql_literal(source ~ '.entity_id') }}),
            ''
        ),
        ' AND date BETWEEN ''', toString({{ source }}.date_start - {{ days }}), ''' AND ''',
        toString({{ source }}.date_end), ''' ORDER BY date WITH FILL FROM toDate(''',
        toString({{ source }}.date_start - {{ days }}), ''') TO toDate(''', toString({{ source }}.date_end + 1), ''')'
    )
{%- endmacro %}

{# The parts of “3 × bad date, 1 × not a number”, out of a map of reasons to counts. #}
{% macro counted_reasons(reasons) -%}
    arrayMap(
        (reason, n) -> concat(toString(n), ' × ', replaceAll(reason, '_', ' ')), mapKeys({{ reasons }}), mapValues({{ reasons }})
    )
{%- endmacro %}

{# Counts by reason without those of repaired rows. #}
{% macro reasons_left(reasons, repaired) -%}
    cast(mapFilter((reason, n) -> n > 0, mapSubtract({{ reasons }}, {{ repaired }})), 'Map(String, UInt64)')
{%- endmacro %}
