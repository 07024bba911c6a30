select id, amount from {{ source('till', 'sales') }}
