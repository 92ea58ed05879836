{#
  Rule 3, grains never add: for every account and day the mart has the sums of the first of `grains` that the
  facts have, of one grain only. Money may be NULL only where the facts have several currencies.
  Rule 4: reporting money has the sum of the facts', and is NULL where a part of theirs has no rate.
  `facts` is another fact, `only` a condition on its rows.
#}
{% test sums_agree_with_facts(model, grains, facts=none, only='1') %}
{% set sums = ['impressions', 'clicks', 'conversions', 'cost', 'conversion_value'] %}
with by_grain as (
    select
        workspace, platform, account_id, date, grain,
        {% for column in sums %}sum({{ column }}) as {{ column }}_sum,{% endfor %}
        {% for money in ['cost', 'conversion_value'] %}
        sum({{ money }}_reporting) as {{ money }}_converted,
        countIf({{ money }} is not null and {{ money }}_reporting is null) as {{ money }}_without_rate,
        {% endfor %}
        uniqExact(currency) + max(currency is null) as currencies,
        max(is_provisional) as provisional
    from {{ facts or ref('fct_ad_performance_daily') }}
    where
        grain in ('{{ grains | join("', '") }}')
        and {{ only }}
        and {{ only_tested_days_of() }}
    group by workspace, platform, account_id, date, grain
),

both_sides as (
    select
        'facts' as side, workspace, platform, account_id, date,
        {% for column in sums %}{{ column }}_sum as {{ column }},{% endfor %}
        cost_converted, cost_without_rate, conversion_value_converted, conversion_value_without_rate,
        currencies, provisional
    from by_grain
    order by indexOf(['{{ grains | join("', '") }}'], grain)
    limit 1 by workspace, platform, account_id, date
    union all
    select
        'mart' as side, workspace, platform, account_id, date,
        {{ sums | join(', ') }},
        cost_reporting as cost_converted, toUInt64(cost_reporting is null) as cost_without_rate,
        conversion_value_reporting as conversion_value_converted,
        toUInt64(conversion_value_reporting is null) as conversion_value_without_rate,
        0 as currencies, is_provisional as provisional
    from {{ model }}
)

select workspace, platform, account_id, date
from both_sides
group by workspace, platform, account_id, date
having
    countIf(side = 'facts') = 0 or countIf(side = 'mart') = 0
    or max(currencies) < 2 and (
        {% for column in sums %}
        not (sumIf({{ column }}, side = 'facts') <=> sumIf({{ column }}, side = 'mart')) {{ 'or' if not loop.last }}
        {% endfor %}
    )
    {% for money in ['cost', 'conversion_value'] %}
    or if(
        sumIf({{ money }}_without_rate, side = 'facts') > 0,
        sumIf({{ money }}_without_rate, side = 'mart') = 0,
        not (sumIf({{ money }}_converted, side = 'facts') <=> sumIf({{ money }}_converted, side = 'mart'))
    )
    {% endfor %}
    or maxIf(provisional, side = 'facts') != maxIf(provisional, side = 'mart')
{% endtest %}
