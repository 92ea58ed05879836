{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'date_end', 'platform', 'account_id', 'entity_id'],
    contract={'enforced': false}
) }}

-- Campaigns, and accounts (their campaign is ''), of which something wrong is told. `is_broken`: conversions
-- stopped being counted in the 7 or 28 days that end on a day to judge, so that the return says nothing.
-- `is_told`: that or faulty data in them, or a change of the last 7 days, so that nobody asks for more
-- budget. Scratch.
with problems as (
    select
        e.workspace as workspace,
        e.platform as platform,
        e.account_id as account_id,
        if(e.entity_type = 'campaign', e.entity_id, '') as entity_id,
        {{ window_ends('e.date', 28) }} as date_end,
        date_end - e.date as age,
        e.entity_type = 'campaign' and e.family = 'results_down' as is_break,
        e.family = 'results_down' or e.kind in ('duplicate_load', 'partial_load') as is_fault,
        e.kind in ('spend_stop', 'ctr_collapse', 'spend_spike', 'cpc_jump')
        or e.kind = 'level_shift' and e.family = 'volume_down' as is_change
    from {{ ref('int_anomaly_events') }} as e
    where
        (e.entity_type = 'campaign' or e.entity_type = 'account' and e.is_cause)
        and {{ with_history('e.date', 27) }}
)

select
    p.workspace as workspace,
    p.platform as platform,
    p.account_id as account_id,
    p.entity_id as entity_id,
    p.date_end as date_end,
    max(p.is_break and p.age < 7) as is_broken_7,
    max(p.is_break) as is_broken_28,
    max((p.is_fault or p.is_change) and p.age < 7) as is_told_7,
    max(p.is_fault or p.is_change and p.age < 7) as is_told_28
from problems as p
where p.is_fault or p.is_change
group by p.workspace, p.platform, p.account_id, p.entity_id, p.date_end
