{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'date', 'entity_type'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- Whose problem it is: one cause shows in several metrics and on several levels (docs block `anomaly_cause`).
-- Scratch.

{% set most = 0.6 -%}
with found as (
    select p.*
    from {{ ref('int_anomaly_patterns') }} as p
    -- an ad that is clicked ever less wears out: an insight of its own
    where not (p.kind = 'slow_drift' and p.metric = 'ctr' and {{ is_part('p.entity_type') }})
),

-- Which part of a deviation the entities below carry, in the metric that leads above.
shares as (
    select
        u.workspace as workspace,
        u.platform as platform,
        u.account_id as account_id,
        u.entity_type as entity_type,
        u.date as date,
        b.entity_type as part_type,
        argMax(
            (b.account_id, b.entity_id), b.deviations[u.metric] / nullIf(u.deviations[u.metric], 0)
        ) as part,
        max(b.deviations[u.metric] / nullIf(u.deviations[u.metric], 0)) as part_share,
        argMax(b.z_max, b.deviations[u.metric] / nullIf(u.deviations[u.metric], 0)) as part_z
    from found as u
    inner join found as b
        on u.workspace = b.workspace and u.platform = b.platform and u.date = b.date
    where
        u.entity_type = 'platform' and b.entity_type in ('account', 'campaign')
        or u.entity_type = 'account' and b.entity_type = 'campaign' and u.account_id = b.account_id
    group by u.workspace, u.platform, u.account_id, u.entity_type, u.entity_id, u.date, b.entity_type
    -- What all parts share is clearer above than in any of them; what is clearer in one, the others blur.
    having part_share >= {{ most }} or part_share >= 0.5 and part_z > any(u.z_max)
),

accounts as (
    select
        f.workspace as workspace,
        f.platform as platform,
        f.account_id as account_id,
        f.date as date,
        f.kind as kind,
        f.family as family,
        f.kind in ('duplicate_load', 'partial_load', 'data_missing') as is_load_fault,
        if(c.part_type = 'campaign' and not is_load_fault, c.part.2, '') as campaign
    from found as f
    left join shares as c
        on
            f.workspace = c.workspace
            and f.platform = c.platform
            and f.account_id = c.account_id
            and f.date = c.date
            and c.entity_type = 'account'
    where f.entity_type = 'account'
),

platforms as (
    select
        f.workspace as workspace,
        f.platform as platform,
        f.date as date,
        f.family as family,
        maxIf(c.part, c.part_type = 'campaign') as campaign,
        maxIf(c.part, c.part_type = 'account') as account
    from found as f
    left join shares as c
        on
            f.workspace = c.workspace
            and f.platform = c.platform
            and f.date = c.date
            and c.entity_type = 'platform'
    where f.entity_type = 'platform'
    group by f.workspace, f.platform, f.date, f.family
),

-- The cause of a row: itself, the campaign that carries most of it, the account or platform that it is part
-- of.
account_causes as (
    select
        a.*,
        p.family = a.family
        and p.account.2 = ''
        and p.campaign.2 = ''
        and not a.is_load_fault as is_of_platform,
        multiIf(
            a.campaign != '', ('campaign', a.account_id, a.campaign),
            is_of_platform, ('platform', '', a.platform),
            ('account', a.account_id, a.account_id)
        ) as cause
    from accounts as a
    left join platforms as p on a.workspace = p.workspace and a.platform = p.platform and a.date = p.date
),

{% set columns = [
    'workspace', 'platform', 'account_id', 'account_name', 'campaign_id', 'campaign_name', 'entity_type', 'entity_id',
    'entity_name', 'date', 'kind', 'family', 'metric', 'impact', 'currency', 'z_max', 'days_seen', 'is_provisional',
    'maturity'
] -%}
upper_causes as (
    select
        {% for column in columns -%}
        f.{{ column }} as {{ column }},
        {% endfor -%}
        multiIf(
            f.entity_type = 'account', a.cause,
            f.entity_type = 'campaign' and a.campaign = '' and (
                a.family = f.family
                or a.kind = 'duplicate_load' and f.family in ('volume_up', 'results_up')
                or a.kind = 'partial_load' and f.family in ('volume_down', 'results_down')
            ), a.cause,
            f.entity_type = 'platform' and b.kind != '', b.cause,
            f.entity_type = 'platform' and p.campaign.2 != '', ('campaign', p.campaign.1, p.campaign.2),
            (toString(f.entity_type), f.account_id, f.entity_id)
        ) as cause
    from found as f
    left join platforms as p
        on
            f.workspace = p.workspace
            and f.platform = p.platform
            and f.date = p.date
            and f.entity_type = 'platform'
    left join account_causes as a
        on
            f.workspace = a.workspace
            and f.platform = a.platform
            and f.account_id = a.account_id
            and f.date = a.date
    -- the account that carries the platform's deviation, or that of the campaign that does
    left join account_causes as b
        on
            f.workspace = b.workspace
            and f.platform = b.platform
            and f.date = b.date
            and b.account_id = if(p.account.2 != '', p.account.1, p.campaign.1)
            and f.entity_type = 'platform'
    where not ({{ is_part('f.entity_type') }})
),

campaign_causes as (
    select u.*
    from upper_causes as u
    where u.entity_type = 'campaign'
),

-- The ad, or else the ad group, that carries most of what its campaign shows, and is the only one to show it:
-- what several show is the campaign's.
carriers as (
    select
        u.workspace as workspace,
        u.platform as platform,
        u.account_id as account_id,
        u.campaign_id as campaign_id,
        u.date as date,
        u.family as family,
        if(u.metric = 'conversions', 'cvr', u.metric) as lead_metric,
        b.deviations[lead_metric] / nullIf(u.deviations[lead_metric], 0) as part_share,
        (toString(b.entity_type), b.account_id, b.entity_id) as part,
        b.entity_type = 'ad' as is_ad,
        count() over (
            partition by u.workspace, u.platform, u.account_id, u.campaign_id, u.date, b.entity_type
        ) as parts
    from found as u
    inner join found as b
        on
            u.workspace = b.workspace
            and u.platform = b.platform
            and u.account_id = b.account_id
            and u.campaign_id = b.campaign_id
            and u.date = b.date
            and u.family = b.family
    where u.entity_type = 'campaign' and {{ is_part('b.entity_type') }}
),

sole_carriers as (
    select c.*
    from carriers as c
    where c.parts = 1 and c.part_share >= {{ most }}
    order by c.is_ad desc
    limit 1 by c.workspace, c.platform, c.account_id, c.campaign_id, c.date
),

-- Where the campaign as a whole shows nothing: the part with most money at stake.
leaders as (
    select
        f.workspace as workspace,
        f.platform as platform,
        f.account_id as account_id,
        f.campaign_id as campaign_id,
        f.date as date,
        f.family as family,
        argMax(
            (toString(f.entity_type), f.account_id, f.entity_id),
            coalesce(f.impact, 0) * if(f.entity_type = 'ad', 1 / {{ most }}, 1)
        ) as part
    from found as f
    where {{ is_part('f.entity_type') }}
    group by f.workspace, f.platform, f.account_id, f.campaign_id, f.date, f.family
),

causes as (
    select
        {% for column in columns -%}
        c.{{ column }} as {{ column }},
        {% endfor -%}
        if(k.part.3 != '', k.part, c.cause) as cause
    from upper_causes as c
    left join sole_carriers as k
        on
            c.workspace = k.workspace
            and c.platform = k.platform
            and c.date = k.date
            and c.cause.2 = k.account_id
            and if(c.cause.1 = 'campaign', c.cause.3, '') = k.campaign_id
    union all
    select
        {% for column in columns -%}
        f.{{ column }} as {{ column }},
        {% endfor -%}
        multiIf(k.part.3 != '', k.part, c.cause.3 != '', c.cause, l.part) as cause
    from found as f
    left join sole_carriers as k
        on
            f.workspace = k.workspace
            and f.platform = k.platform
            and f.account_id = k.account_id
            and f.campaign_id = k.campaign_id
            and f.date = k.date
            and f.family = k.family
    left join campaign_causes as c
        on
            f.workspace = c.workspace
            and f.platform = c.platform
            and f.account_id = c.account_id
            and f.campaign_id = c.campaign_id
            and f.date = c.date
            and f.family = c.family
    left join leaders as l
        on
            f.workspace = l.workspace
            and f.platform = l.platform
            and f.account_id = l.account_id
            and f.campaign_id = l.campaign_id
            and f.date = l.date
            and f.family = l.family
    where {{ is_part('f.entity_type') }}
)

select
    {% for column in columns -%}
    c.{{ column }} as {{ column }},
    {% endfor -%}
    c.cause.1 as cause_entity_type,
    c.cause.2 as cause_account_id,
    c.cause.3 as cause_entity_id,
    c.cause = (toString(c.entity_type), c.account_id, c.entity_id) as is_cause
from causes as c
