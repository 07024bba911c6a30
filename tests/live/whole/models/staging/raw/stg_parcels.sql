select * from {{ source('shipped', 'parcels') }} join {{ source('lake', 'clicks') }} using (id)
