{{ config(unique_key='id', incremental_strategy='merge', on_schema_change='fail') }}
with final as (select {{ cents('amount') }} as amount, id, at from {{ ref('stg_orders') }})
select * from final
{% if is_incremental() %}where at > (select max(at) from {{ this }}){% endif %}
limit {{ var('limit') }} -- {{ var('from') }}
