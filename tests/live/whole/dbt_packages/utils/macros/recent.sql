{% test recent(model, field) %}select 1 from {{ model }} where {{ field }} < 0{% endtest %}
{% macro trimmed(x) %}{{ return(adapter.dispatch('trimmed', 'utils')(x)) }}{% endmacro %}
{% macro default__trimmed(x) %}trim({{ x }}){% endmacro %}
