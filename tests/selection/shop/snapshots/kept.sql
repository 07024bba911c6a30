{% snapshot sales_kept %}
{{ config(unique_key='id', strategy='check', check_cols=['amount'], target_schema='kept', tags=['nightly']) }}
select * from {{ ref('stg_sales') }}
{% endsnapshot %}
