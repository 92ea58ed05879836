{# The JSON objects of insight_feed.evidence, as types of named tuples. Numbers may be NULL: the engine may cast a row
   before the condition that leaves it out, and a cast that throws would keep all insights of the day from being told. #}

{% macro _measure(z_type) -%}
    metric String, value Nullable(Float64), expected Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64), z_score {{ z_type }}
{%- endmacro %}

{% macro _rows(more='') -%}
    Tuple(workspace String, platform String, account_id String, entity_type String, entity_id String{{ more }})
{%- endmacro %}

{# What the cause explains on other levels; `children` holds the 50 with most money of `children_number`. #}
{% macro evidence_child_type() -%}
    Tuple(entity_type String, entity_id String, entity_name String, account_id String, kind String, metric String, severity String, impact Nullable(Float64))
{%- endmacro %}

{% macro evidence_anomaly_type() -%}
    Tuple({{ _measure('Nullable(Float64)') }}, maturity Nullable(Float64), dates Array(Date), metrics Array(Tuple({{ _measure('Nullable(Float64)') }})), children_number UInt64, children Array({{ evidence_child_type() }}), rows {{ _rows(', dates Array(Date)') }}, sql String)
{%- endmacro %}

{% macro evidence_performance_type() -%}
    Tuple(cost Nullable(Float64), value Nullable(Float64), conversions Nullable(Float64), clicks Nullable(Int64), roi Nullable(Float64), usual_roi Nullable(Float64), peer_cost Nullable(Float64), peer_value Nullable(Float64), conversions_at_peer_rate Nullable(Float64), days_with_data UInt64, dates Array(Date), rows {{ _rows() }}, sql String)
{%- endmacro %}

{% macro _campaign() -%}
    Tuple(platform String, account_id String, campaign_id String, campaign_name String, cost Nullable(Float64), roas Nullable(Float64), conversions Nullable(Float64))
{%- endmacro %}

{# A campaign that may give or take budget; `weight` orders them. #}
{% macro shift_side_type() -%}
    Tuple(weight Nullable(Float64), platform String, account_id String, account_name String, entity_id String, entity_name String, spend Nullable(Float64), roas Nullable(Float64), events Nullable(Float64), relative_error Nullable(Float64), is_provisional Bool)
{%- endmacro %}

{# The judgeable campaigns that meet a condition, those first that deviate by most money. #}
{% macro shift_side(source, condition) -%}
    arraySort(
        campaign -> (-campaign.1, campaign.5),
        groupArrayIf(
            cast(
                (
                    {{ source }}.spend * abs({{ source }}.roas - {{ source }}.usual_roas), {{ source }}.platform,
                    {{ source }}.account_id, {{ source }}.account_name, {{ source }}.entity_id, {{ source }}.entity_name,
                    {{ source }}.spend, {{ source }}.roas, {{ source }}.events, {{ source }}.relative_error,
                    {{ source }}.is_provisional
                ),
                '{{ shift_side_type() }}'
            ),
            {{ source }}.is_judgeable and coalesce({{ condition }}, false)
        )
    )
{%- endmacro %}

{# Budget shift, of a week: money moved, value gained with its 80 % range; both campaigns over 28 days. #}
{% macro evidence_shift_type() -%}
    Tuple(moved Nullable(Float64), gain Nullable(Float64), gain_low Nullable(Float64), gain_high Nullable(Float64), elasticity Nullable(Float64), roas_of_all Nullable(Float64), giver {{ _campaign() }}, receiver {{ _campaign() }}, dates Array(Date), rows {{ _rows() }}, sql String)
{%- endmacro %}

{% macro evidence_fatigue_type() -%}
    Tuple(tired_ads UInt64, ads Array(Tuple(ad_id String, ad_name String, ctr_recent Nullable(Float64), ctr_former Nullable(Float64), z_score Nullable(Float64), clicks Nullable(Float64), expected_clicks Nullable(Float64), age_days UInt32)), dates Array(Date), rows {{ _rows() }}, sql String)
{%- endmacro %}

{% macro evidence_concentration_type() -%}
    Tuple(share Nullable(Float64), value Nullable(Float64), cost Nullable(Float64), contributors UInt64, dates Array(Date), rows {{ _rows() }}, sql String)
{%- endmacro %}

{# `subject` is the currency without a rate or the file's address, `amount` the money concerned; `reasons` counts rejected
   rows. #}
{% macro evidence_data_type() -%}
    Tuple(subject String, amount Nullable(Float64), reasons Map(String, UInt64), dates Array(Date), rows {{ _rows() }}, sql String)
{%- endmacro %}

{# Amounts are in the budget's currency. #}
{% macro evidence_budget_type() -%}
    Tuple(budget Nullable(Float64), spend_to_date Nullable(Float64), expected_to_date Nullable(Float64), projected_spend Nullable(Float64), projected_low Nullable(Float64), projected_high Nullable(Float64), pace Nullable(Float64), dates Array(Date), rows {{ _rows() }}, sql String)
{%- endmacro %}
