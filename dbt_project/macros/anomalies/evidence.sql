{# The JSON objects of insight_feed.evidence, as types of named tuples. #}

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
    Tuple({{ _measure('Nullable(Float64)') }}, maturity Float64, dates Array(Date), metrics Array(Tuple({{ _measure('Float64') }})), children_number UInt64, children Array({{ evidence_child_type() }}), rows {{ _rows(', dates Array(Date)') }}, sql String)
{%- endmacro %}

{% macro evidence_performance_type() -%}
    Tuple(cost Float64, value Nullable(Float64), conversions Nullable(Float64), clicks Nullable(Int64), roi Nullable(Float64), roi_of_all Nullable(Float64), peer_cost Nullable(Float64), peer_value Nullable(Float64), conversions_at_peer_rate Nullable(Float64), days_with_data UInt64, dates Array(Date), rows {{ _rows() }}, sql String)
{%- endmacro %}
