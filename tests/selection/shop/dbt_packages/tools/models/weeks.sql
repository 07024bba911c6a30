select * from {{ source('clock', 'ticks') }}
