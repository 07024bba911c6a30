{% macro cents(x) %}{{ half(x) }} / 100{% endmacro %}
{% macro half(x) %}{{ x }} / 2{% endmacro %}
