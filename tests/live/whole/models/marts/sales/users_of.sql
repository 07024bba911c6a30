select * from {{ ref('users') }} join {{ ref('upstream', 'users') }} using (id) join {{ ref('counted') }} using (id)
