select * from {{ ref('rates', v=1) }} join {{ ref('utils', 'shared') }} using (id)
