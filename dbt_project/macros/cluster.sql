{#
  The target `cluster`: the same models on a cluster of ClickHouse servers (docs/cluster.md). Tables of `staging` and
  seeds are whole on every server; tables of `marts` are spread by workspace, each a Distributed table over
  replicated ones. A target without a cluster is not touched by any of this.
#}

{# Whether a relation is spread over the shards: what a table of `marts` holds of a workspace is on one of them. #}
{% macro is_spread(relation) %}
    {{ return(target.name == 'cluster' and relation.schema == target.schema) }}
{% endmacro %}

{# The replicated table behind a Distributed one. #}
{% macro local_relation(relation) %}
    {{ return(relation.incorporate(path={
        'identifier': relation.identifier ~ adapter.get_clickhouse_local_suffix(),
        'schema': adapter.get_clickhouse_local_db_prefix() ~ relation.schema,
    })) }}
{% endmacro %}

{# Take the place of the adapter's materializations of these names, and choose between its own: a model says once what
   it is, whatever it is built on. #}
{% materialization incremental, adapter='clickhouse' %}
    {% if is_spread(this) %}
        {% set made = dbt.materialization_distributed_incremental_clickhouse() %}
        {# from which it learned the columns #}
        {% do adapter.drop_relation(this.incorporate(path={'identifier': this.identifier ~ '__dbt_view_tmp'}, type='view')) %}
        {{ return(made) }}
    {% endif %}
    {{ return(dbt.materialization_incremental_clickhouse()) }}
{% endmaterialization %}

{% materialization table, adapter='clickhouse' %}
    {% if is_spread(this) %}
        {{ return(dbt.materialization_distributed_table_clickhouse()) }}
    {% endif %}
    {{ return(dbt.materialization_table_clickhouse()) }}
{% endmaterialization %}

{#
  Takes the place of dbt-clickhouse's macro of this name. Where replicas are named by `{uuid}` only, each shard has its
  own rows; a table that is whole on every server is one shard to Keeper.
#}
{% macro engine_clause() %}
    {%- set engine = config.get('engine', default='MergeTree()') -%}
    {%- if target.name == 'cluster' and engine == 'MergeTree()' -%}
        {%- set engine = 'ReplicatedMergeTree' if is_spread(this)
            else "ReplicatedMergeTree('/clickhouse/tables/{uuid}/everywhere', '{shard}_{replica}')" -%}
    {%- endif %}
  engine = {{ engine }}
{%- endmacro %}
