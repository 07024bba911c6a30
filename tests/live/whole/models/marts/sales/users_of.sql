select * from {{ ref('users') }} join {{ ref('upstream', 'users') }} using (id)
