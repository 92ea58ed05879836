{{ config(severity='warn') }}

-- A budget whose account or campaign nobody has seen is in no pacing: a typing error must not go unsaid. One of a month
-- that has not begun is for what may come.
{% set unmatched %}
with seen as (
    select
        workspace,
        platform,
        coalesce(account_id, account_name, '') as account_key,
        '' as campaign_key,
        last_date
    from {{ ref('dim_account') }}
    union all
    select
        workspace,
        platform,
        coalesce(account_id, '') as account_key,
        coalesce(campaign_id, campaign_name, '') as campaign_key,
        last_date
    from {{ ref('dim_campaign') }}
)

select
    b.workspace as workspace,
    b.platform as platform,
    b.account_id as account_id,
    b.campaign_id as campaign_id,
    b.month as month,
    arrayStringConcat(
        arraySlice(arraySort(groupUniqArrayIf(s.account_key, s.account_key != '' and b.platform in ('', s.platform))), 1, 5), ', '
    ) as accounts
from {{ ref('budgets') }} as b
inner join seen as s on b.workspace = s.workspace
group by b.workspace, b.platform, b.account_id, b.campaign_id, b.month
having
    max(s.last_date) >= toStartOfMonth(b.month)
    and countIf(
        b.platform in ('', s.platform)
        and b.campaign_id = s.campaign_key
        -- an account that has a name alone is not in dim_campaign
        and (b.account_id in ('', s.account_key) or (s.campaign_key != '' and s.account_key = ''))
    ) = 0
order by workspace, platform, account_id, campaign_id, month
{% endset %}
{% if execute and load_relation(ref('dim_account')) and load_relation(ref('dim_campaign')) %}
    {% for row in run_query(unmatched).rows %}
        {% do exceptions.warn(
            'The budget ' ~ row[0] ~ ',' ~ row[1] ~ ',' ~ row[2] ~ ',' ~ row[3] ~ ',' ~ row[4]
            ~ ' of seeds/budgets.csv (workspace,platform,account_id,campaign_id,month) matches no account or campaign, so no'
            ~ ' pacing has it. Accounts with data there: ' ~ (row[5] or 'none') ~ '.'
        ) %}
    {% endfor %}
{% endif %}
{{ unmatched }}
