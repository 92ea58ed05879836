{#
  Tables that are made like the ones before them, without asking the engine for the columns of a model's SQL again:
  include/transform/structures.py says which, and how a table is marked. Called by hand, dbt asks for each.
#}

{# The mark of the tables of this project, or nothing. #}
{% macro structure_comment() %}
    {{ return(env_var('INSIGHTFLOW_DBT_COMMENT', '')) }}
{% endmacro %}

{# Whether a relation was made by the project as it is. #}
{% macro has_known_structure(relation) %}
    {% set known = env_var('INSIGHTFLOW_DBT_KNOWN_TABLES', '').split(',') %}
    {{ return(relation.schema ~ '.' ~ relation.identifier in known) }}
{% endmacro %}

{# Takes the place of dbt-clickhouse's macro of this name, whose statement it is but for the mark. #}
{% macro create_table_or_empty(temporary, relation, sql, has_contract) -%}
    {%- if temporary -%}
    create temporary table {{ relation.identifier }}
    engine Memory
    {{ adapter.get_model_settings(model, 'Memory') }}
    as (
        {{ sql }}
    )
    {%- elif relation.identifier != this.identifier and load_cached_relation(this) and has_known_structure(this) -%}
    create table {{ relation }} as {{ this }}
    {%- else -%}
    create table {{ relation }} {{ on_cluster_clause(relation) }}
        {%- if has_contract %}
        {{ get_assert_columns_equivalent(sql) }}
        {{ get_table_columns_and_constraints() }}
        {%- endif %}
    {{ engine_clause() }}
    {{ order_cols(label="order by") }}
    {{ primary_key_clause(label="primary key") }}
    {{ partition_cols(label="partition by") }}
    {{ ttl_config(label="ttl") }}
    {{ adapter.get_model_settings(model, config.get('engine', default='MergeTree')) }}
        {%- if structure_comment() %}
    comment '{{ structure_comment() }}'
        {%- endif %}
        {%- if not has_contract %}
    empty as (
        {{ sql }}
    )
        {%- endif %}
    {{ adapter.get_model_query_settings(model) }}
    {%- endif %}
{%- endmacro %}

{# Mark a table whose partitions were replaced by those of one that this project made: the engine replaces them between
   tables of one structure only. #}
{% macro mark_structure(relation) %}
    {% if structure_comment() and not has_known_structure(relation) %}
        {% do run_query("alter table " ~ relation ~ " modify comment '" ~ structure_comment() ~ "'") %}
    {% endif %}
{% endmacro %}
