{{ config(
    order_by=['workspace', 'platform', 'grain', 'account_id', 'campaign_id', 'ad_group_id', 'ad_id']
) }}

-- Keywords, search terms, landing pages. They repeat the money of ad groups and campaigns: the other fact
-- has the same rows with these columns summed away, and no mart adds them to anything.
{% set segments = ['keyword_id', 'keyword', 'match_type', 'search_term', 'landing_page'] %}
{% set utm = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term'] %}
with named as (
    select
        s.*,
        nullIf(s.segments['keyword_id'], '') as keyword_id,
        nullIf(s.segments['keyword'], '') as keyword,
        coalesce(
            nullIf(s.segments['match_type'], ''),
            nullIf(s.segments['bid_match_type'], ''),
            nullIf(s.segments['search_term_match_type'], '')
        ) as match_type,
        nullIf(s.segments['search_term'], '') as search_term,
        {{ url_of("s.segments['landing_page']") }} as url,
        {{ page_of('url') }} as landing_page,
        {% for name in utm -%}
        coalesce(nullIf(s.segments['{{ name }}'], ''), {{ url_parameter('query', name) }}) as {{ name }}_sent,
        nullIf({{ resolved(name ~ '_sent') }}, '') as {{ name }},
        {% endfor -%}
        concat(queryString(url), '&', fragment(url), '&', s.segments['url_parameters']) as query
    from {{ ref('stg_ad_performance') }} as s
    where
        {{ only_build_dates('s.date') }}
        and {{ has_named_segments() }}
        and not {{ is_web_analytics('s.platform') }}
),

sums as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.grain as grain,
        {{ entity_columns('s', ['account', 'campaign', 'ad_group', 'ad'], 'exported_at') }},
        s.keyword_id as keyword_id,
        argMax(s.keyword, (s.exported_at, s.keyword)) as keyword,
        s.match_type as match_type,
        s.search_term as search_term,
        s.landing_page as landing_page,
        {% for name in utm -%}
        s.{{ name }} as {{ name }},
        {% endfor -%}
        s.date as date,
        sum(s.impressions) as impressions,
        sum(s.clicks) as clicks,
        sum(s.cost) as cost,
        sum(s.conversions) as conversions,
        sum(s.conversion_value) as conversion_value,
        s.currency as currency,
        max(s.date + s.restatement_days >= toDate(s.exported_at)) as is_provisional,
        uniqExact(s.file_id) as file_count,
        max(s.exported_at) as last_exported_at
    from named as s
    group by
        s.workspace,
        s.platform,
        s.grain,
        {{ entity_key('s', ['account', 'campaign', 'ad_group', 'ad']) }},
        s.keyword_id,
        coalesce(s.keyword_id, s.keyword),
        s.match_type,
        s.search_term,
        s.landing_page,
        {% for name in utm -%}
        s.{{ name }},
        {% endfor -%}
        s.date,
        s.currency
),

in_target_currency as (
    select
        sums.*,
        cast({{ reporting_currency_of('w') }} as LowCardinality(String)) as reporting_currency
    from sums
    left join {{ ref('workspaces') }} as w on sums.workspace = w.workspace
)

select
    s.workspace as workspace,
    s.platform as platform,
    s.grain as grain,
    s.account_id as account_id,
    s.account_name as account_name,
    s.campaign_id as campaign_id,
    s.campaign_name as campaign_name,
    s.ad_group_id as ad_group_id,
    s.ad_group_name as ad_group_name,
    s.ad_id as ad_id,
    s.ad_name as ad_name,
    {% for name in segments + utm -%}
    s.{{ name }} as {{ name }},
    {% endfor -%}
    s.date as date,
    s.impressions as impressions,
    s.clicks as clicks,
    s.cost as cost,
    s.conversions as conversions,
    s.conversion_value as conversion_value,
    s.currency as currency,
    {{ to_reporting('s.cost') }} as cost_reporting,
    {{ to_reporting('s.conversion_value') }} as conversion_value_reporting,
    s.reporting_currency as reporting_currency,
    toBool(s.is_provisional) as is_provisional,
    s.file_count as file_count,
    s.last_exported_at as last_exported_at
from in_target_currency as s
{{ join_rates() }}
