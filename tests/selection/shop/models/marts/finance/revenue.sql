{{ config(materialized='incremental', unique_key=['id', 'day'], tags='hourly', meta={'owner': 'finance', 'tier': 2, 'reviewed': false}, group='finance') }}
select 1 as id, d.day, s.amount from {{ ref('sales') }} s cross join {{ ref('days_spine') }} d
