{{ config(materialized='ephemeral', enabled=var('with_days', true)) }}
select day from {{ ref('days') }}
