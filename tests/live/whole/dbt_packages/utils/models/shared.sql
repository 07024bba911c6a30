select * from {{ source('shipped', 'parcels') }}
