{# Rows of web analytics of the first grain that a property has on a day, with the campaign that they belong to. #}
{% macro attributed_sessions() -%}
    select
        w.*,
        ifNull(w.source, '') as utm_source_key,
        ifNull(w.medium, '') as utm_medium_key,
        coalesce(w.campaign_id, w.campaign_name, '') as web_campaign,
        m.ad_platform as ad_platform,
        m.account as account,
        m.campaign as campaign
    from (
        select *
        from {{ ref('fct_web_sessions_daily') }}
        where {{ only_build_dates('date') }} and grain != 'event'
        qualify
            indexOf(['campaign', 'account', 'landing_page'], grain)
            = min(indexOf(['campaign', 'account', 'landing_page'], grain))
                over (partition by workspace, platform, property_id, date)
    ) as w
    left join (
        select *
        from {{ ref('int_utm_campaigns_daily') }}
        where {{ only_build_dates('date') }}
    ) as m
        on
            w.workspace = m.workspace and w.date = m.date and ifNull(w.source, '') = m.source
            and ifNull(w.medium, '') = m.medium and coalesce(w.campaign_id, w.campaign_name, '') = m.web_campaign
{%- endmacro %}

{# The campaigns of the dates with their keys as text. #}
{% macro keyed_campaigns() -%}
    select
        c.*,
        coalesce(c.account_id, c.account_name, '') as account,
        coalesce(c.campaign_id, c.campaign_name, '') as campaign
    from {{ ref('mart_campaign_daily') }} as c
    where {{ only_build_dates('c.date') }}
{%- endmacro %}
