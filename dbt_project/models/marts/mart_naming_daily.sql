{{ config(order_by=['workspace', 'platform', 'market', 'funnel_stage', 'audience']) }}

with campaigns as (
    select c.*
    from {{ ref('mart_campaign_daily') }} as c
    where {{ only_build_dates('c.date') }}
),

{{ parsed_names('campaigns', 'campaign') }},

-- By the name of the day, as the export had it: a renamed campaign changes no day that is past.
sums as (
    select
        c.workspace as workspace,
        c.platform as platform,
        p.market as market,
        p.funnel_stage as funnel_stage,
        p.audience as audience,
        c.date as date,
        -- as one tuple: of several arguments with a NULL none is counted
        uniqExact(
            (coalesce(c.account_id, c.account_name, ''), coalesce(c.campaign_id, c.campaign_name, ''))
        ) as campaigns,
        {{ metric_sums('c', of='marts') }}
    from campaigns as c
    left join parsed_names as p
        on c.workspace = p.workspace and c.platform = p.platform and c.campaign_name = p.name
    group by c.workspace, c.platform, p.market, p.funnel_stage, p.audience, c.date
)

select
    *,
    {{ ratio_columns() }},
    {{ ratio_columns('reporting') }}
from sums
