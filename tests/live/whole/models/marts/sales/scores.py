def model(dbt, session):
    # harness: ignore[MISSING_TESTS] it is young
    dbt.config(materialized="table", tags=["scores"], meta={"harness": {"ignore": ["ORPHAN_MODEL"]}})
    limit = dbt.config.get("limit")
    return dbt.ref("orders").join(dbt.source("raw", "days"))
