{{ config(materialized='view', tags=['raw']) }}
with source as (select * from {{ source('raw', 'orders') }}),
final as (select id, at, amount / 100 as amount from source)
select * from final
