select * from {{ ref('orders') }} where {{ cents('amount') }} > 0
