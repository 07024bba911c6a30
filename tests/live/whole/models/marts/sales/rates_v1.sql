select 1 as rate, 1 as id
