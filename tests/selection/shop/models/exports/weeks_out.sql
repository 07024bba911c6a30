select * from {{ ref('tools', 'weeks') }}
