//! A dbt project of any size, the same on every machine: models, YAML and macros in the mix and
//! style of a grown analytics repo.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Models out of a hundred that stand in staging and in intermediate; the others are marts.
const STAGING: usize = 50;
const INTERMEDIATE: usize = 28;
const MACROS: usize = 80;
const MODELS_A_YAML_FILE: usize = 10;

const SYSTEMS: [&str; 20] = [
    "crm",
    "erp",
    "billing",
    "webshop",
    "support",
    "payroll",
    "warehouse",
    "logistics",
    "ads",
    "telemetry",
    "ledger",
    "tickets",
    "surveys",
    "loyalty",
    "catalog",
    "returns",
    "leads",
    "sensors",
    "fleet",
    "hr",
];
const ENTITIES: [&str; 24] = [
    "orders",
    "accounts",
    "invoices",
    "payments",
    "contacts",
    "products",
    "prices",
    "shipments",
    "visits",
    "sessions",
    "refunds",
    "contracts",
    "employees",
    "stores",
    "regions",
    "events",
    "campaigns",
    "budgets",
    "meters",
    "readings",
    "tasks",
    "notes",
    "ratings",
    "currencies",
];
const DOMAINS: [&str; 8] = ["sales", "finance", "operations", "marketing", "people", "supply", "service", "product"];
/// A column's raw name, the name staging gives it, and its comment group.
const COLUMNS: [(&str, &str, &str); 16] = [
    ("ID", "record_id", "identifiers"),
    ("ParentId", "parent_id", "identifiers"),
    ("AccountNo", "account_number", "identifiers"),
    ("CreatedOn", "created_at", "dates"),
    ("ModifiedOn", "modified_at", "dates"),
    ("ValidFrom", "valid_from", "dates"),
    ("StatusCode", "status", "descriptive"),
    ("CountryCode", "country_code", "descriptive"),
    ("CategoryName", "category", "descriptive"),
    ("AmountCents", "amount_cents", "descriptive"),
    ("Quantity", "quantity", "descriptive"),
    ("DurationSeconds", "duration_seconds", "descriptive"),
    ("Comment", "comment_text", "descriptive"),
    ("IsDeleted", "is_deleted", "system"),
    ("CreatedBy", "created_by", "audit"),
    ("ModifiedBy", "modified_by", "audit"),
];

/// The multiplier and increment are Knuth's; the upper bits are the random ones.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = (self.0 >> 33) as usize;
        high % end.max(1)
    }

    fn in_a_hundred(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// Different items, in the order of the list. Near the end of it, as a model reads what was
    /// written shortly before it.
    fn recent<'a>(&mut self, list: &'a [Model], count: usize) -> Vec<&'a Model> {
        let window = list.len().min(400);
        let tail = &list[list.len() - window..];
        let mut places: Vec<usize> = (0..count).map(|_| self.below(window)).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| &tail[place]).collect()
    }
}

struct Model {
    name: String,
    folder: String,
    columns: Vec<&'static str>,
    /// A model whose key this one's `parent_id` is.
    parent: Option<String>,
}

struct Project {
    files: Vec<(String, String)>,
    random: Random,
    staging: Vec<Model>,
    intermediate: Vec<Model>,
    marts: Vec<Model>,
}

/// A project of that many models: paths and texts.
pub(crate) fn project(models: usize) -> Vec<(String, String)> {
    let mut project = Project {
        files: Vec::new(),
        random: Random(0x5eed),
        staging: Vec::new(),
        intermediate: Vec::new(),
        marts: Vec::new(),
    };
    let staging = (models * STAGING / 100).max(1);
    let intermediate = models * INTERMEDIATE / 100;
    project.settings();
    project.macros();
    for number in 0..staging {
        project.staging_model(number);
    }
    for number in 0..intermediate.min(models.saturating_sub(staging)) {
        project.intermediate_model(number);
    }
    for number in 0..models.saturating_sub(staging + intermediate) {
        project.mart(number);
    }
    project.sources();
    project.properties();
    project.files
}

impl Project {
    fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.files.push((path.into(), text.into()));
    }

    fn settings(&mut self) {
        let mut text = String::from(
            "name: acme\nversion: \"1.0.0\"\nconfig-version: 2\nprofile: acme\n\n\
             model-paths: [models]\nmacro-paths: [macros]\nseed-paths: [seeds]\nsnapshot-paths: [snapshots]\n\n\
             vars:\n  start_date: \"2019-01-01\"\n  lookback_days: 3\n  countries: [nl, de, be, fr]\n  \
             include_deleted: false\n  currency: EUR\n\n\
             models:\n  acme:\n    +persist_docs: {relation: true, columns: true}\n    staging:\n      \
             +materialized: view\n      +schema: staging\n",
        );
        for system in SYSTEMS {
            let _ = write!(text, "      {system}:\n        +tags: [{system}]\n");
        }
        text.push_str(
            "    intermediate:\n      +materialized: ephemeral\n    marts:\n      +materialized: table\n      \
             +schema: \"{{ 'marts' if target.name == 'prod' else 'dev_marts' }}\"\n",
        );
        self.add("dbt_project.yml", text);
        self.add(
            "harness.yml",
            "paths: \"models/{layer}/{domain}/**\"\n\
             layers:\n  staging: {reads: [source, seed]}\n  intermediate: {reads: [staging, intermediate]}\n  \
             marts: {reads: [intermediate, marts]}\n\
             staging:\n  ctes: [source, renamed, filtered, enhanced, final]\n  materialized: view\n  \
             tags: [\"{source}\", staging, acme]\n",
        );
        for seed in ["countries", "currencies_list", "holidays"] {
            self.add(format!("seeds/{seed}.csv"), "code,name\nnl,Netherlands\nde,Germany\n");
        }
    }

    fn macros(&mut self) {
        self.add(
            "macros/schema.sql",
            "{% macro generate_schema_name(custom_schema_name, node) -%}\n    \
             {%- if custom_schema_name is none -%}{{ target.schema }}\n    \
             {%- else -%}{{ target.schema }}_{{ custom_schema_name | trim }}{%- endif -%}\n{%- endmacro %}\n",
        );
        self.add(
            "macros/keys.sql",
            "{% macro surrogate_key(columns) -%}\n    {{ return(adapter.dispatch('surrogate_key', 'acme')(columns)) }}\n\
             {%- endmacro %}\n\n\
             {% macro default__surrogate_key(columns) -%}\n    \
             {%- set parts = [] -%}\n    {%- for column in columns -%}\n        \
             {%- do parts.append(\"coalesce(cast(\" ~ column ~ \" as varchar), '')\") -%}\n    {%- endfor -%}\n    \
             md5({{ parts | join(\" || '-' || \") }})\n{%- endmacro %}\n",
        );
        self.add(
            "macros/windows.sql",
            "{% macro latest_per(key, order_by='modified_at') -%}\n    \
             qualify row_number() over (partition by {{ key }} order by {{ order_by }} desc) = 1\n{%- endmacro %}\n\n\
             {% macro since_last_run(column) -%}\n    {% if is_incremental() -%}\n    \
             where {{ column }} >= (select max({{ column }}) - {{ var('lookback_days') }} from {{ this }})\n    \
             {%- else -%}\n    where {{ column }} >= '{{ var('start_date') }}'\n    {%- endif %}\n{%- endmacro %}\n",
        );
        self.add(
            "macros/lists.sql",
            "{% macro statuses() %}{{ return(['open', 'closed', 'held', 'void']) }}{% endmacro %}\n",
        );
        // The rest are small formulas, four a file, of which every fourth calls another.
        for file in 0..MACROS / 4 {
            let mut text = String::new();
            for number in file * 4..file * 4 + 4 {
                let body = match number % 4 {
                    0 => format!("round({{{{ column }}}} / {}, {{{{ scale }}}})", number + 2),
                    1 => "coalesce(nullif(trim({{ column }}), ''), '{{ scale }}')".to_owned(),
                    2 => {
                        "case\n        {%- for value in statuses() %}\n        when {{ column }} = '{{ value }}' then \
                          {{ loop.index }}\n        {%- endfor %}\n        else {{ scale }}\n    end"
                            .to_owned()
                    }
                    _ => format!("{{{{ formula_{:02}(column, scale) }}}} * {}", number - 3, number + 1),
                };
                let _ = write!(
                    text,
                    "{{% macro formula_{number:02}(column, scale=2) -%}}\n    {body}\n{{%- endmacro %}}\n\n"
                );
            }
            self.add(format!("macros/formulas/formulas_{file:02}.sql"), text);
        }
    }

    fn formula(&mut self, column: &str) -> String {
        let number = self.random.below(MACROS);
        match self.random.below(3) {
            0 => format!("{{{{ formula_{number:02}('{column}') }}}}"),
            1 => format!("{{{{ formula_{number:02}('{column}', {}) }}}}", self.random.below(5)),
            _ => format!("{{{{ formula_{number:02}(column='{column}', scale=var('lookback_days')) }}}}"),
        }
    }

    fn staging_model(&mut self, number: usize) {
        let system = SYSTEMS[number % SYSTEMS.len()];
        let table = table_of(number);
        let name = format!("stg_{system}__{table}");
        let count = 8 + self.random.below(COLUMNS.len() - 7);
        let columns: Vec<_> = COLUMNS.iter().take(count).collect();

        let mut text = format!(
            "{{{{\n    config(\n        materialized='view',\n        tags=['{system}', 'staging', 'acme']\n    )\n}}}}\n\n\
             with source as (\n\n    select * from {{{{ source('{system}', '{table}') }}}}\n    \
             {{{{ latest_per('id') }}}}\n\n),\n\nrenamed as (\n\n    select"
        );
        let mut group = "";
        for (index, (raw, column, of)) in columns.iter().enumerate() {
            if *of != group {
                group = of;
                let _ = write!(text, "\n        -- {of}");
            }
            let comma = if index + 1 < columns.len() { "," } else { "" };
            let _ = write!(text, "\n        {} as {column}{comma}", cast(raw, column));
        }
        text.push_str("\n\n    from source\n\n),\n\nfiltered as (\n\n    select *\n    from renamed\n    where record_id is not null\n");
        if self.random.in_a_hundred(20) {
            text.push_str(
                "    {% if not var('include_deleted', false) %}\n        and status != 'deleted'\n    {% endif %}\n",
            );
        }
        text.push_str("\n),\n\nenhanced as (\n\n    select\n        {{ surrogate_key(['record_id', 'parent_id']) }} as record_sk,\n        *,\n");
        let enhanced = self.random.in_a_hundred(30);
        if enhanced {
            let _ = writeln!(text, "        {} as status_rank,", self.formula("status"));
        }
        text.push_str("        current_timestamp() as _loaded_at\n    from filtered\n\n),\n\nfinal as (\n\n    select\n        record_sk");
        for (_, column, _) in &columns {
            let _ = write!(text, ",\n        {column}");
        }
        if enhanced {
            text.push_str(",\n        status_rank");
        }
        text.push_str(",\n        _loaded_at\n    from enhanced\n\n)\n\nselect * from final\n");

        let folder = format!("models/staging/{system}");
        self.add(format!("{folder}/{name}.sql"), text);
        let mut columns: Vec<&str> = columns.iter().map(|(_, column, _)| *column).collect();
        columns.insert(0, "record_sk");
        self.staging.push(Model { name, folder, columns, parent: None });
    }

    fn intermediate_model(&mut self, number: usize) {
        let domain = DOMAINS[number % DOMAINS.len()];
        let name = format!("int_{domain}__{}", table_of(number * 7 + number / 5));
        let name = format!("{name}_{number:04}");
        let count = 3 + self.random.below(3);
        let mut parents = self.random.recent(&self.staging, count);
        if !self.intermediate.is_empty() && self.random.in_a_hundred(60) {
            parents.extend(self.random.recent(&self.intermediate, 1));
        }
        let parents: Vec<String> = parents.into_iter().map(|parent| parent.name.clone()).collect();

        let mut text = format!("{{% set keys = ['record_id', 'account_number'] %}}\n\n{}", imports(&parents));
        text.push_str(
            "joined as (\n\n    select\n        base.record_sk,\n        base.record_id,\n        base.parent_id,\n",
        );
        for place in 1..parents.len() {
            let _ = writeln!(text, "        input_{place}.status as status_{place},");
        }
        if self.random.in_a_hundred(30) {
            for column in ["amount_cents", "duration_seconds"] {
                let _ = writeln!(text, "        {} as {column}_scaled,", self.formula(&format!("base.{column}")));
            }
        }
        text.push_str("        base.amount_cents,\n        base.created_at\n    from input_0 as base\n");
        for place in 1..parents.len() {
            let _ = writeln!(text, "    left join input_{place}\n        on base.record_id = input_{place}.parent_id");
        }
        text.push_str("    where base.created_at >= '{{ var('start_date') }}'\n\n),\n\nfinal as (\n\n    select\n");
        text.push_str(
            "        {% for key in keys %}\n        count(distinct {{ key }}) over () as {{ key }}_count,\n        {% endfor %}\n",
        );
        text.push_str("        joined.*\n    from joined\n\n)\n\nselect * from final\n");

        let folder = format!("models/intermediate/{domain}");
        self.add(format!("{folder}/{name}.sql"), text);
        let columns = vec!["record_sk", "record_id", "parent_id", "amount_cents", "created_at"];
        self.intermediate.push(Model { name, folder, columns, parent: parents.get(1).cloned() });
    }

    fn mart(&mut self, number: usize) {
        let domain = DOMAINS[number % DOMAINS.len()];
        let prefix = if self.random.in_a_hundred(30) { "dim" } else { "fct" };
        let name = format!("{prefix}_{domain}__{}_{number:04}", table_of(number * 11 + number / 3));
        let upstream = if self.intermediate.is_empty() { &self.staging } else { &self.intermediate };
        let count = 2 + self.random.below(3);
        let mut parents = self.random.recent(upstream, count);
        if !self.marts.is_empty() {
            let count = 1 + self.random.below(2);
            parents.extend(self.random.recent(&self.marts, count));
        }
        // Some go past a layer, as in any grown repo.
        if self.random.in_a_hundred(4) {
            parents.extend(self.random.recent(&self.staging, 1));
        }
        let parents: Vec<String> = parents.into_iter().map(|parent| parent.name.clone()).collect();

        let incremental = self.random.in_a_hundred(25);
        let mut text = if incremental {
            "{{\n    config(\n        materialized='incremental',\n        unique_key='record_sk',\n        \
             on_schema_change='append_new_columns'\n    )\n}}\n\n"
                .to_owned()
        } else {
            format!("{{{{ config(materialized='table', tags=['{domain}']) }}}}\n\n")
        };
        text.push_str(&imports(&parents));
        text.push_str("aggregated as (\n\n    select\n        base.record_sk,\n        base.record_id,\n        base.created_at,\n");
        if self.random.in_a_hundred(40) {
            text.push_str(
                "        {%- for country in var('countries') %}\n        \
                 sum(case when base.country_code = '{{ country }}' then base.amount_cents end) as amount_{{ country }},\n        \
                 {%- endfor %}\n",
            );
        }
        if self.random.in_a_hundred(30) {
            let _ = writeln!(text, "        {} as amount_scaled,", self.formula("sum(base.amount_cents)"));
        }
        text.push_str("        sum(base.amount_cents) as amount_cents\n    from input_0 as base\n");
        for place in 1..parents.len() {
            let _ = writeln!(text, "    left join input_{place} using (record_id)");
        }
        if incremental {
            text.push_str("    {{ since_last_run('base.created_at') }}\n");
        }
        text.push_str("    group by 1, 2, 3\n\n)\n\nselect * from aggregated\n");

        let folder = format!("models/marts/{domain}");
        self.add(format!("{folder}/{name}.sql"), text);
        let columns = vec!["record_sk", "record_id", "created_at", "amount_cents"];
        self.marts.push(Model { name, folder, columns, parent: parents.first().cloned() });
    }

    fn sources(&mut self) {
        let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for number in 0..self.staging.len() {
            tables.entry(SYSTEMS[number % SYSTEMS.len()]).or_default().push(table_of(number));
        }
        for (system, tables) in tables {
            let mut text = format!(
                "version: 2\n\nsources:\n  - name: {system}\n    description: Loaded every hour from {system}.\n    \
                 database: \"{{{{ target.database }}}}\"\n    schema: raw_{system}\n    loaded_at_field: _synced_at\n    \
                 freshness:\n      warn_after: {{count: 12, period: hour}}\n      error_after: {{count: 2, period: day}}\n    tables:\n"
            );
            for table in tables {
                let _ = write!(text, "      - name: {table}\n        description: Raw {table}, one row per change.\n");
            }
            self.add(format!("models/staging/{system}/_{system}__sources.yml"), text);
        }
    }

    fn properties(&mut self) {
        let layers = [&self.staging, &self.intermediate, &self.marts];
        let mut folders: BTreeMap<&str, Vec<&Model>> = BTreeMap::new();
        for model in layers.into_iter().flatten() {
            folders.entry(&model.folder).or_default().push(model);
        }
        let mut files = Vec::new();
        for (folder, models) in folders {
            for (part, models) in models.chunks(MODELS_A_YAML_FILE).enumerate() {
                let mut text = String::from("version: 2\n\nmodels:\n");
                for model in models {
                    describe(model, &mut self.random, &mut text);
                }
                files.push((format!("{folder}/_models_{part:03}.yml"), text));
            }
        }
        self.files.append(&mut files);
    }
}

/// The source table of the staging model of that number.
fn table_of(number: usize) -> String {
    let entity = ENTITIES[number / SYSTEMS.len() % ENTITIES.len()];
    match number / (SYSTEMS.len() * ENTITIES.len()) {
        0 => entity.to_owned(),
        round => format!("{entity}_{round}"),
    }
}

fn cast(raw: &str, column: &str) -> String {
    match column {
        _ if column.ends_with("_at") || column.ends_with("_from") => format!("cast({raw} as timestamp)"),
        "status" | "country_code" => format!("lower(trim({raw}))"),
        "is_deleted" => format!("coalesce({raw}, false)"),
        _ => raw.to_lowercase(),
    }
}

/// One CTE a parent.
fn imports(parents: &[String]) -> String {
    let mut text = String::from("with ");
    for (place, parent) in parents.iter().enumerate() {
        let _ = write!(text, "input_{place} as (\n\n    select * from {{{{ ref('{parent}') }}}}\n\n),\n\n");
    }
    text
}

fn describe(model: &Model, random: &mut Random, text: &mut String) {
    let _ = write!(
        text,
        "  - name: {}\n    description: >\n      One row per record of {}, with what its readers need.\n    columns:\n",
        model.name, model.name
    );
    for (place, column) in model.columns.iter().enumerate() {
        let _ = write!(
            text,
            "      - name: {column}\n        description: The {} of the record.\n",
            column.replace('_', " ")
        );
        match (*column, &model.parent) {
            _ if place == 0 => text.push_str("        data_tests: [unique, not_null]\n"),
            ("parent_id", Some(parent)) => {
                let _ = write!(
                    text,
                    "        data_tests:\n          - relationships:\n              arguments:\n                \
                     to: ref('{parent}')\n                field: record_id\n              config:\n                \
                     severity: warn\n"
                );
            }
            ("status", _) => text.push_str(
                "        data_tests:\n          - accepted_values:\n              arguments:\n                \
                 values: [open, closed, held, void]\n",
            ),
            _ if random.in_a_hundred(15) => text.push_str("        data_tests:\n          - not_null\n"),
            _ => {}
        }
    }
}
