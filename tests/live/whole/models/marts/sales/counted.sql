select {{ function('to_cents') }}(amount) as cents from {{ ref('orders') }}
