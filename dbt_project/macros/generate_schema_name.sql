{# Databases are named exactly as configured: `staging`, `marts`; no prefix of the target. Only a trial of changed models
   beside the tables (`make slim`) has databases of its own. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ env_var('INSIGHTFLOW_DBT_PREFIX', '') }}{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
