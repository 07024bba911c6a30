{{ config(schema='exports', access='private', group='finance') }} select * from {{ ref('revenue') }} join {{ ref('rates') }} on true
