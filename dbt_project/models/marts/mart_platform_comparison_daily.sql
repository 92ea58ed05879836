{{ config(
    order_by=['comparison', 'workspace', 'platform'],
    meta={'looks_back': comparison_days()}
) }}

{{ comparison_mart(ref('mart_platform_daily'), []) }}
