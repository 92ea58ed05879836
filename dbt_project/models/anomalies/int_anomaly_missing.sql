{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'platform', 'account_id', 'date'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- A day on which an account has no data at all is missing, never zero. It is expected if the account has
-- data on 14 of the 28 days before. On the workspace's last day it is awaited, for files come one after the
-- other; once a later day is there, it is missing. Scratch.
with account_rows as (
    select
        a.workspace as workspace,
        a.platform as platform,
        {{ keyed_entity('a', 'account') }},
        a.date as date,
        {{ anomaly_metrics('a') }}
    from {{ ref('mart_account_daily') }} as a
    {{ join_day_rates('a') }}
    where {{ with_history('a.date', 28) }}
),

expected_accounts as (
    select
        r.workspace as workspace,
        r.platform as platform,
        r.account_id as account_id,
        argMax(r.account_name, r.date) as account_name,
        argMax(r.account_currency, r.date) as account_currency,
        argMax(r.rate, r.date) as rate,
        any(r.reporting_currency) as reporting_currency,
        r.date + days_after as expected_date
    from account_rows as r
    array join range(1, 29) as days_after
    where {{ only_anomaly_dates('expected_date') }}
    group by r.workspace, r.platform, r.account_id, expected_date
    having count() >= 14
),

last_days as (
    select
        r.workspace as workspace,
        max(r.date) as last_date
    from account_rows as r
    group by r.workspace
),

expectation as (
    select
        {% for column in [
            'workspace', 'platform', 'account_id', 'account_name', 'account_currency', 'rate', 'reporting_currency'
        ] -%}
        e.{{ column }} as {{ column }},
        {% endfor -%}
        e.expected_date as date,
        l.last_date as last_date,
        a.date > toDate(0) as is_there
    from expected_accounts as e
    inner join last_days as l on e.workspace = l.workspace
    left join account_rows as a
        on
            e.workspace = a.workspace
            and e.platform = a.platform
            and e.account_id = a.account_id
            and e.expected_date = a.date
    where e.expected_date <= l.last_date
)

select
    x.workspace as workspace,
    x.platform as platform,
    x.account_id as account_id,
    x.account_name as account_name,
    '' as campaign_id,
    '' as campaign_name,
    {{ entity_kind('account') }} as entity_type,
    x.account_id as entity_id,
    x.account_name as entity_name,
    {{ series_key() }} as series,
    x.date as date,
    {%- for metric in anomaly_volumes() %}
    cast(null as Nullable(Float64)) as {{ metric }},
    {%- endfor %}
    false as is_even,
    x.rate as rate,
    x.account_currency as account_currency,
    x.reporting_currency as reporting_currency,
    false as is_provisional,
    x.date = x.last_date as is_awaited
from expectation as x
where not x.is_there
