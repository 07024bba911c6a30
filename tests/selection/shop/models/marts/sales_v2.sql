select s.id, i.id as item_id from {{ ref('stg_sales') }} s join {{ ref('stg_items') }} i on true
