//! Whether a staging model is built the way the house agreed on, judged on the text of its file
//! alone: what dbt_project.yml or a YAML file adds does not count.

use crate::db::settings::Staging;
use crate::syntax::jinja::config_call::{ConfigArg, ConfigCall, ConfigValue, config_calls};
use crate::syntax::jinja::tags::{TagKind, tags};
use crate::syntax::jinja::tokens::{TokenKind, tokens as jinja_tokens};
use crate::syntax::span::Span;
use crate::syntax::sql::token::{Kind, tokens};
use crate::syntax::sql::{Cte, Scan, scan};
use std::sync::Arc;

/// One way in which a file departs from the pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StagingBreak {
    pub rule: &'static str,
    /// The configured name of the CTE that `CTE_MISSING` misses.
    pub cte: Option<Arc<str>>,
    /// What was found instead; may be empty.
    pub detail: String,
    pub span: Span,
}

/// Stands for the source's folder in the configured tags.
const SOURCE: &str = "{source}";

/// Between the tags where all of them are one text.
const BETWEEN: &str = ", ";

/// The tags that a model states by calls in its file, in order; none where it states none, and nothing where only
/// rendering can tell.
pub fn own_tags(calls: &[ConfigCall]) -> Option<String> {
    let mut found: Vec<&str> = Vec::new();
    // dbt adds up the tags of several calls.
    for arg in named(calls, "tags") {
        match &arg.value {
            ConfigValue::Str(tag) => found.push(tag),
            ConfigValue::List(items) => {
                for (_, item) in items {
                    let ConfigValue::Str(tag) = item else { return None };
                    found.push(tag);
                }
            }
            _ => return None,
        }
    }
    Some(found.join(BETWEEN))
}

/// The tags that the pattern wants of a model of this source; nothing where one is called after a source
/// that is not known.
pub fn canonical_tags(settings: &Staging, source_folder: Option<&str>) -> Option<String> {
    let tag = |tag: &String| match source_folder {
        Some(source) => Some(tag.replace(SOURCE, source)),
        None if tag.contains(SOURCE) => None,
        None => Some(tag.clone()),
    };
    let tags: Option<Vec<String>> = settings.tags.iter().map(tag).collect();
    tags.map(|tags| tags.join(BETWEEN))
}

/// `source_folder` is the first folder below the staging folder; empty where there is none, which
/// leaves the tags that name it unjudged.
pub fn judge(text: &str, settings: &Staging, source_folder: &str) -> Vec<StagingBreak> {
    let mut judge = Judge { text, settings, breaks: Vec::new() };
    let calls = config_calls(text);
    match calls.first() {
        Some(first) => {
            judge.materialization(&calls, first.span);
            judge.tags(&calls, first.span, source_folder);
        }
        None => judge.add("CONFIG_BLOCK", String::new(), Span::at(0)),
    }
    if !settings.ctes.is_empty() {
        judge.structure(&scan(text));
    }
    judge.breaks
}

struct Judge<'text> {
    text: &'text str,
    settings: &'text Staging,
    breaks: Vec<StagingBreak>,
}

impl<'text> Judge<'text> {
    fn add(&mut self, rule: &'static str, detail: String, span: Span) {
        self.breaks.push(StagingBreak { rule, cte: None, detail, span });
    }

    fn materialization(&mut self, calls: &[ConfigCall], place: Span) {
        let last = named(calls, "materialized").last();
        let kept = last
            .is_some_and(|arg| matches!(&arg.value, ConfigValue::Str(value) if **value == self.settings.materialized));
        if !kept && !self.settings.materialized.is_empty() {
            let found = last.map(|arg| self.shown(arg.value_span, &arg.value)).unwrap_or_default();
            self.add("MATERIALIZED_VIEW", found, place);
        }
    }

    fn tags(&mut self, calls: &[ConfigCall], place: Span, source_folder: &str) {
        let expected = &self.settings.tags;
        if expected.is_empty() {
            return;
        }
        // dbt adds up the tags of several calls.
        let mut found: Vec<String> = Vec::new();
        for arg in named(calls, "tags") {
            match &arg.value {
                ConfigValue::List(items) => {
                    found.extend(items.iter().map(|(span, value)| self.shown(*span, value)));
                }
                ConfigValue::Str(tag) => found.push(tag.to_string()),
                // Tags that only rendering can tell.
                _ => return,
            }
        }
        if found.is_empty() {
            self.add("TAGS_MISSING", String::new(), place);
            return;
        }
        let of_source = |tag: &&String| tag.contains(SOURCE);
        if let Some(layer) = expected.iter().find(|tag| !of_source(tag))
            && !found.contains(layer)
        {
            self.add("TAGS_STAGING", found.join(", "), place);
        }
        if let (Some(third), Some(wanted)) = (found.get(2), expected.get(2))
            && !of_source(&wanted)
            && third != wanted
        {
            self.add("TAGS_THIRD", third.clone(), place);
        }
        if let Some(at) = expected.iter().position(|tag| of_source(&tag))
            && let (Some(tag), Some(wanted)) = (found.get(at), expected.get(at))
            && !source_folder.is_empty()
            && *tag != wanted.replace(SOURCE, source_folder)
        {
            self.add("TAGS_SOURCE", tag.clone(), place);
        }
    }

    /// A literal's value; any other expression as written.
    fn shown(&self, span: Span, value: &ConfigValue) -> String {
        match value {
            ConfigValue::Str(text) => text.to_string(),
            _ => span.of(self.text).to_owned(),
        }
    }

    fn structure(&mut self, scan: &Scan) {
        if scan.ctes.is_empty() {
            self.add("CTE_PATTERN", String::new(), Span::at(0));
            return;
        }
        let settings = self.settings;
        let place = scan.with.unwrap_or_default();
        for name in &settings.ctes {
            if cte(scan, name).is_none() {
                self.breaks.push(StagingBreak {
                    rule: "CTE_MISSING",
                    cte: Some(Arc::from(name.as_str())),
                    detail: String::new(),
                    span: place,
                });
            }
        }
        self.order(scan);
        let role = |name: &str| {
            let configured = settings.ctes.iter().any(|cte| cte.eq_ignore_ascii_case(name));
            if configured { cte(scan, name) } else { None }
        };
        if let Some(enhanced) = role("enhanced") {
            self.enhanced(enhanced);
        }
        // The last configured CTE is the model's contract, whatever it is called.
        let last = settings.ctes.last().and_then(|name| cte(scan, name));
        if let Some(last) = last {
            let select = last.select.as_ref();
            let lists = select.is_some_and(|select| select.items.iter().any(|item| !item.is_star));
            if !lists {
                self.add("FINAL_EXPLICIT_COLUMNS", String::new(), last.name_span);
            }
        }
        if let Some(grouped) = role("renamed").or(last) {
            self.column_groups(scan, grouped.name_span);
        }
        if let Some(last) = last {
            self.final_select(scan, last.name_span);
        }
    }

    fn order(&mut self, scan: &Scan) {
        let configured = &self.settings.ctes;
        let place_of = |cte: &Cte| configured.iter().position(|name| name.eq_ignore_ascii_case(&cte.name));
        let present = scan.ctes.iter().filter_map(|cte| Some((place_of(cte)?, cte)));
        let present: Vec<(usize, &Cte)> = present.collect();
        let early = present.windows(2).find_map(|pair| match pair {
            [(before, _), (after, cte)] if after <= before => Some(cte.name_span),
            _ => None,
        });
        if let Some(span) = early {
            let names: Vec<&str> = present.iter().map(|(_, cte)| &*cte.name).collect();
            self.add("CTE_ORDER", names.join(" → "), span);
        }
    }

    fn enhanced(&mut self, enhanced: &Cte) {
        let body = enhanced.body.of(self.text);
        let names = live_names(body);
        let column = |ending: &str| {
            let ends = |name: &str| {
                name.len()
                    .checked_sub(ending.len())
                    .and_then(|at| name.get(at..))
                    .is_some_and(|tail| tail.eq_ignore_ascii_case(ending))
            };
            names.iter().any(|name| ends(name.trim_matches(['"', '`'])))
        };
        let (key, loaded) = (column("_sk") || calls_surrogate_key(body), column("_loaded_at"));
        if !key {
            self.add("SURROGATE_KEY", String::new(), enhanced.name_span);
        }
        if !loaded {
            self.add("LOADED_AT", String::new(), enhanced.name_span);
        }
    }

    fn column_groups(&mut self, scan: &Scan, place: Span) {
        let groups = &self.settings.column_groups;
        let comments: Vec<String> = scan
            .comments
            .iter()
            .map(|span| span.of(self.text))
            .map(|comment| comment.trim_start_matches(['-', '/', '*', ' ', '\t']).to_lowercase())
            .collect();
        let found: Vec<&str> = groups
            .iter()
            .filter(|group| comments.iter().any(|comment| comment.starts_with(group.as_str())))
            .map(String::as_str)
            .collect();
        if found.len() < groups.len().min(2) {
            self.add("COLUMN_GROUPING", found.join(", "), place);
        }
    }

    fn final_select(&mut self, scan: &Scan, place: Span) {
        let select = scan.final_select.as_ref();
        let from = select.and_then(|select| select.from.as_ref());
        let whole = select.is_some_and(|select| {
            select.alone && matches!(select.items.as_slice(), [item] if item.span.of(self.text) == "*")
        });
        if !whole || from.is_none_or(|from| cte(scan, &from.name).is_none()) {
            let found = from.map(|from| from.name.to_string()).unwrap_or_default();
            self.add("FINAL_SELECT", found, place);
        }
    }
}

fn named<'calls>(calls: &'calls [ConfigCall], name: &'static str) -> impl Iterator<Item = &'calls ConfigArg> + Clone {
    calls.iter().flat_map(|call| &call.args).filter(move |arg| &*arg.name == name)
}

fn cte<'scan>(scan: &'scan Scan, name: &str) -> Option<&'scan Cte> {
    scan.ctes.iter().find(|cte| cte.name.eq_ignore_ascii_case(name))
}

/// The words of SQL that are no comment.
fn live_names(sql: &str) -> Vec<&str> {
    let tokens = tokens(sql).tokens.into_iter();
    tokens.filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted)).map(|token| token.span().of(sql)).collect()
}

/// Whether Jinja outside comments names a macro that makes surrogate keys.
fn calls_surrogate_key(sql: &str) -> bool {
    tags(sql).tags.iter().filter(|tag| tag.kind != TagKind::Comment).any(|tag| {
        jinja_tokens(sql, tag.inner.start as usize, tag.inner.end as usize)
            .iter()
            .any(|token| token.kind == TokenKind::Name && token.of(sql).contains("surrogate_key"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house() -> Staging {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Staging {
            ctes: list(&["source", "renamed", "filtered", "enhanced", "final"]),
            materialized: "view".to_owned(),
            tags: list(&["{source}", "staging", "acme"]),
            exclude: Vec::new(),
            column_groups: Staging::default_column_groups(),
        }
    }

    const GOOD: &str = "{{ config(materialized='view', tags=['erp', 'staging', 'acme']) }}

with source as (select * from {{ source('erp', 'Orders') }}),
renamed as (
    select
        -- identifiers
        ID as order_id,
        -- Dates, in UTC
        ORDERED as ordered_at
    from source
),
filtered as (select * from renamed where order_id is not null),
enhanced as (
    select
        *,
        {{ dbt_utils.generate_surrogate_key(['order_id']) }} as order_key,
        current_timestamp() as _loaded_at
    from filtered
),
final as (select order_key, order_id, ordered_at, _loaded_at from enhanced)

select * from final
";

    fn breaks(text: &str) -> Vec<StagingBreak> {
        judge(text, &house(), "erp")
    }

    fn rules(text: &str) -> Vec<&'static str> {
        breaks(text).iter().map(|found| found.rule).collect()
    }

    fn after(from: &str, to: &str) -> Vec<StagingBreak> {
        assert!(GOOD.contains(from), "{from}");
        breaks(&GOOD.replace(from, to))
    }

    fn rules_after(from: &str, to: &str) -> Vec<&'static str> {
        after(from, to).iter().map(|found| found.rule).collect()
    }

    #[test]
    fn a_model_that_keeps_the_pattern_breaks_nothing() {
        assert_eq!(breaks(GOOD), []);
        assert_eq!(breaks(&GOOD.replace('\n', "\r\n")), []);
        assert_eq!(
            breaks(
                &GOOD
                    .to_uppercase()
                    .replace(
                        "{{ CONFIG(MATERIALIZED='VIEW', TAGS=['ERP', 'STAGING', 'ACME']) }}",
                        "{{ config(materialized='view', tags=['erp', 'staging', 'acme']) }}"
                    )
                    .replace("SURROGATE_KEY", "surrogate_key")
            ),
            []
        );
    }

    #[test]
    fn without_config_no_other_config_rule_speaks() {
        let config = GOOD.lines().next().unwrap_or_default();
        assert_eq!(rules_after(config, ""), ["CONFIG_BLOCK"]);
        assert_eq!(rules_after(config, &format!("{{# {config} #}}")), ["CONFIG_BLOCK"]);
    }

    #[test]
    fn config_is_judged_by_its_literals_at_the_call() {
        let found = after("materialized='view'", "materialized='table'");
        assert_eq!((found[0].rule, found[0].detail.as_str()), ("MATERIALIZED_VIEW", "table"));
        assert!(found[0].span.of(GOOD).starts_with("config("));
        assert_eq!(rules_after("materialized='view', ", ""), ["MATERIALIZED_VIEW"]);
        assert_eq!(rules_after(", tags=['erp', 'staging', 'acme']", ""), ["TAGS_MISSING"]);
        assert_eq!(rules_after("['erp', 'staging', 'acme']", "[]"), ["TAGS_MISSING"]);
        assert_eq!(rules_after("['erp', 'staging', 'acme']", "var('tags')"), Vec::<&str>::new());
    }

    #[test]
    fn tags_are_compared_with_the_configured_ones() {
        let tagged = |tags: &str| rules_after("['erp', 'staging', 'acme']", tags);
        assert_eq!(tagged("['erp', 'staging']"), Vec::<&str>::new());
        assert_eq!(tagged("['erp', 'staging', 'other']"), ["TAGS_THIRD"]);
        assert_eq!(tagged("['crm', 'staging', 'acme']"), ["TAGS_SOURCE"]);
        assert_eq!(tagged("['erp', 'acme']"), ["TAGS_STAGING"]);
        assert_eq!(tagged("['staging', 'crm', 'x']"), ["TAGS_THIRD", "TAGS_SOURCE"]);
        assert_eq!(tagged("'erp'"), ["TAGS_STAGING"]);
        assert_eq!(judge(&GOOD.replace("'erp'", "'crm'"), &house(), ""), []);
        let mut short = house();
        short.tags = vec!["raw_{source}".to_owned()];
        assert_eq!(judge(&GOOD.replace("'erp', 's", "'raw_erp', 's"), &short, "erp"), []);
    }

    #[test]
    fn the_tags_of_a_file_are_one_text() {
        let own = |config: &str| own_tags(&config_calls(&format!("{{{{ config({config}) }}}} select 1")));
        assert_eq!(own("tags=['erp', 'staging']").as_deref(), Some("erp, staging"));
        assert_eq!(own("tags='erp'").as_deref(), Some("erp"));
        assert_eq!(own("materialized='view'").as_deref(), Some(""));
        assert_eq!(own("tags=var('tags')"), None);
        assert_eq!(own("tags=['erp', var('tag')]"), None);
        assert_eq!(own_tags(&config_calls("select 1")).as_deref(), Some(""));
        assert_eq!(own_tags(&config_calls("{{ config(tags='a') }}{{ config(tags=['b']) }}")).as_deref(), Some("a, b"));
        assert_eq!(canonical_tags(&house(), Some("erp")).as_deref(), Some("erp, staging, acme"));
        assert_eq!(canonical_tags(&house(), None), None);
    }

    #[test]
    fn ctes_are_looked_for_by_their_configured_names() {
        let found = after("filtered as", "cleaned as");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].rule, found[0].cte.as_deref()), ("CTE_MISSING", Some("filtered")));
        assert_eq!(found[0].span.of(GOOD), "with");
        let config = GOOD.lines().next().unwrap_or_default();
        assert_eq!(rules(&format!("{config} select 1 as a")), ["CTE_PATTERN"]);
        let swapped =
            GOOD.replace("renamed as", "x as").replace("filtered as", "renamed as").replace("x as", "filtered as");
        let found = breaks(&swapped);
        assert_eq!((found[0].rule, found[0].span.of(&swapped)), ("CTE_ORDER", "renamed"));
        assert_eq!(found[0].detail, "source → filtered → renamed → enhanced → final");
    }

    #[test]
    fn a_cte_named_in_a_comment_or_a_subquery_is_none() {
        let hidden = "/* filtered as ( */ cleaned as (select * from (with filtered as (select 1) select 1)";
        assert_eq!(rules_after("filtered as (select * from renamed", hidden), ["CTE_MISSING"]);
    }

    #[test]
    fn the_enhanced_cte_needs_a_key_and_a_load_time() {
        let key = "{{ dbt_utils.generate_surrogate_key(['order_id']) }} as order_key";
        assert_eq!(rules_after(key, "md5(order_id) as order_sk"), Vec::<&str>::new());
        assert_eq!(rules_after(key, "md5(order_id) as \"ORDER_SK\""), Vec::<&str>::new());
        assert_eq!(rules_after(key, "md5(order_id) as order_key -- order_sk"), ["SURROGATE_KEY"]);
        let found = after("current_timestamp() as _loaded_at\n", "1 as a -- _loaded_at\n");
        assert_eq!((found[0].rule, found[0].span.of(GOOD)), ("LOADED_AT", "enhanced"));
    }

    #[test]
    fn the_last_cte_lists_its_columns() {
        let list = "select order_key, order_id, ordered_at, _loaded_at from enhanced";
        assert_eq!(rules_after(list, "select * from enhanced"), ["FINAL_EXPLICIT_COLUMNS"]);
        assert_eq!(rules_after(list, "select e.* from enhanced e"), ["FINAL_EXPLICIT_COLUMNS"]);
        assert_eq!(rules_after(list, "select *, 1 as a from enhanced"), Vec::<&str>::new());
        assert_eq!(rules_after(list, "select distinct order_id from enhanced"), Vec::<&str>::new());
    }

    #[test]
    fn two_group_comments_are_enough() {
        assert_eq!(rules_after("-- identifiers", "-- columns"), ["COLUMN_GROUPING"]);
        assert_eq!(rules_after("-- identifiers", "{# -- identifiers #}"), ["COLUMN_GROUPING"]);
        assert_eq!(rules_after("-- identifiers", "/* Audit */"), Vec::<&str>::new());
    }

    #[test]
    fn the_file_ends_in_a_select_of_everything_from_a_cte() {
        let end = |to: &str| rules_after("select * from final\n", to);
        assert_eq!(end("select *\nfrom FINAL -- all\n;"), Vec::<&str>::new());
        assert_eq!(end("select * from enhanced order by 1"), Vec::<&str>::new());
        assert_eq!(end("select order_id from final"), ["FINAL_SELECT"]);
        assert_eq!(end("select * from final f join source s on 1 = 1"), ["FINAL_SELECT"]);
        assert_eq!(end("select * from {{ this }}"), ["FINAL_SELECT"]);
        assert_eq!(end("select * from elsewhere"), ["FINAL_SELECT"]);
    }

    #[test]
    fn a_house_with_other_ctes_is_judged_by_those() {
        let mut house = house();
        house.ctes = vec!["import".to_owned(), "logic".to_owned()];
        let text = "{{ config(materialized='view', tags=['erp', 'staging']) }} with import as (select 1),\
                    enhanced as (select 2), logic as (select * from import) -- dates\n -- audit\nselect * from logic";
        let found = judge(text, &house, "erp");
        let rules: Vec<_> = found.iter().map(|found| found.rule).collect();
        assert_eq!(rules, ["FINAL_EXPLICIT_COLUMNS"]);
    }
}
