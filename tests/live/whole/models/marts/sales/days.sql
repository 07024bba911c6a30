select distinct at as day from {{ ref('orders') }} join {{ ref('codes') }} using (id)
