select id from {{ source('till', 'items') }} union all select id from {{ source('erp', 'items') }}
