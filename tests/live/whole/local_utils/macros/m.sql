{% macro whole__trimmed(x) %}btrim({{ x }}){% endmacro %}
