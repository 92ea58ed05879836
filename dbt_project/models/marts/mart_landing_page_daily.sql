{{ config(order_by=['workspace', 'platform', 'account_id', 'campaign_id', 'ad_group_id']) }}

-- A landing page is a grain of its own, or an attribute of ads or keywords: one of them counts.
{% set utm = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term'] %}
with totals as (
    {{ rows_of_first_grain(
        ['landing_page', 'ad', 'keyword'], ref('fct_ad_performance_segment_daily'), 'landing_page is not null'
    ) }}
),

sums as (
    select
        t.workspace as workspace,
        t.platform as platform,
        {{ entity_columns('t', ['account', 'campaign', 'ad_group'], 'last_exported_at') }},
        t.landing_page as landing_page,
        domain(assumeNotNull(t.landing_page)) as url_host,
        path(assumeNotNull(t.landing_page)) as url_path,
        {% for name in utm -%}
        t.{{ name }} as {{ name }},
        {% endfor -%}
        t.date as date,
        {{ metric_sums('t') }}
    from totals as t
    group by
        t.workspace,
        t.platform,
        {{ entity_key('t', ['account', 'campaign', 'ad_group']) }},
        t.landing_page,
        {% for name in utm -%}
        t.{{ name }},
        {% endfor -%}
        t.date
)

select
    *,
    {{ ratio_columns() }},
    {{ ratio_columns('reporting') }}
from sums
