//! The words that folders and models of a layer are called by, and how they are found in a folder's name.

/// How much a word says about the folder that bears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// The folder is a layer wherever it stands.
    Clear,
    /// The folder is a layer unless it stands in the folder of an earlier one: `staging/reports` holds the
    /// reports of some source.
    Outer,
    /// The folder is a layer only outside of all other layers, and beside some.
    Weak,
}

/// A layer that people agree on.
#[derive(Debug)]
pub(super) struct Custom {
    pub name: &'static str,
    /// From where to where the layer reaches in the flow, in parts of 100. A layer is before another if it
    /// ends where the other begins or earlier; of layers that overlap nobody can tell.
    pub from: u8,
    pub to: u8,
    pub clear: &'static [&'static str],
    pub outer: &'static [&'static str],
    pub weak: &'static [&'static str],
    pub prefixes: &'static [&'static str],
}

impl Custom {
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.to <= other.from
    }
}

pub(super) const STAGING: &str = "staging";
pub(super) const BASE: &str = "base";
pub(super) const INTERMEDIATE: &str = "intermediate";
pub(super) const MARTS: &str = "marts";
pub(super) const APPLICATIONS: &str = "applications";
pub(super) const REPORTS: &str = "reports";
pub(super) const RAW_VAULT: &str = "raw_vault";
/// The layer that may read all and be read by all.
pub(super) const UTILITIES: &str = "utilities";

/// Whether a customary layer is read by people and tools outside of dbt.
pub(super) fn is_at_the_end(layer: &str) -> bool {
    CUSTOMS.iter().any(|custom| custom.name == layer && custom.to >= 70)
}

const fn custom(name: &'static str, from: u8, to: u8) -> Custom {
    Custom { name, from, to, clear: &[], outer: &[], weak: &[], prefixes: &[] }
}

/// The customs in the order in which layers are listed.
pub(super) const CUSTOMS: [Custom; 39] = [
    Custom { outer: &["raw"], prefixes: &["raw_"], ..custom("raw", 0, 10) },
    Custom { outer: &["landing", "landed"], weak: &["ingest", "ingested", "ingestion"], ..custom("landing", 0, 10) },
    Custom { weak: &["input", "inputs"], ..custom("input", 0, 10) },
    Custom { outer: &["ods"], prefixes: &["ods_"], ..custom("ods", 0, 20) },
    Custom { clear: &["bronze", "brz"], prefixes: &["bronze_", "brz_"], ..custom("bronze", 0, 30) },
    Custom { outer: &["src"], weak: &["source", "sources"], prefixes: &["src_"], ..custom("sources", 0, 30) },
    Custom { outer: &["base", "tmp"], prefixes: &["base_"], ..custom(BASE, 10, 20) },
    Custom {
        clear: &["staging", "stg", "stagings"],
        outer: &["stage", "staged"],
        prefixes: &["stg_", "staging_"],
        ..custom(STAGING, 20, 30)
    },
    Custom {
        weak: &["prep", "prepare", "prepared", "preparation", "preprocessing", "clean", "cleaned", "cleansed"],
        ..custom("prep", 15, 60)
    },
    Custom { outer: &["dwd"], prefixes: &["dwd_"], ..custom("dwd", 30, 50) },
    Custom {
        clear: &["raw_vault", "rawvault", "rdv"],
        weak: &["vault", "datavault", "dv"],
        ..custom(RAW_VAULT, 30, 42)
    },
    Custom { clear: &["silver", "slv"], prefixes: &["silver_", "slv_"], ..custom("silver", 30, 60) },
    Custom {
        weak: &["transform", "transformed", "transformation", "transformations", "transforms"],
        ..custom("transform", 30, 60)
    },
    Custom { weak: &["modelling", "modeling", "modelled", "modeled"], ..custom("modelling", 30, 60) },
    Custom {
        weak: &["conformed", "harmonized", "standardized", "normalized", "normalization"],
        ..custom("conformed", 30, 60)
    },
    Custom { weak: &["enriched", "enrichment"], ..custom("enriched", 30, 60) },
    Custom { weak: &["curated", "refined"], ..custom("curated", 30, 60) },
    Custom { weak: &["integration", "integrated"], ..custom("integration", 30, 60) },
    Custom {
        clear: &["intermediate", "intermediates"],
        outer: &["int", "interim"],
        prefixes: &["int_", "intermediate_"],
        ..custom(INTERMEDIATE, 40, 50)
    },
    Custom { clear: &["business_vault", "businessvault", "bdv"], weak: &["bv"], ..custom("business_vault", 42, 60) },
    Custom { weak: &["core"], ..custom("core", 40, 60) },
    Custom { outer: &["dws"], prefixes: &["dws_"], ..custom("dws", 50, 60) },
    Custom { weak: &["warehouse", "warehouses", "dw", "dwh", "edw"], ..custom("warehouse", 50, 70) },
    Custom { weak: &["dimensional", "star", "kimball"], ..custom("dimensional", 50, 70) },
    Custom { weak: &["dimensions", "dimension", "dims", "dim"], ..custom("dimensions", 50, 70) },
    Custom { weak: &["facts", "fact", "fct", "fcts"], ..custom("facts", 50, 70) },
    Custom {
        clear: &["marts", "mart", "mrt", "mrts", "datamart", "datamarts"],
        prefixes: &["fct_", "fact_", "dim_", "mart_", "mrt_"],
        ..custom(MARTS, 60, 70)
    },
    Custom { clear: &["gold", "gld"], prefixes: &["gold_", "gld_"], ..custom("gold", 60, 70) },
    Custom { weak: &["product", "products"], ..custom("product", 60, 70) },
    Custom { outer: &["presentation"], ..custom("presentation", 60, 80) },
    Custom {
        outer: &["consumption"],
        weak: &["serving", "serve", "served", "delivery", "publish", "published", "output", "outputs"],
        ..custom("serving", 60, 80)
    },
    Custom { outer: &["reporting"], ..custom("reporting", 60, 80) },
    Custom { weak: &["semantic"], ..custom("semantic", 60, 80) },
    Custom { weak: &["analytics", "analysis"], ..custom("analytics", 50, 80) },
    Custom { weak: &["metrics"], ..custom("metrics", 50, 90) },
    Custom { weak: &["exposure", "exposures", "export", "exports", "external"], ..custom("exports", 60, 90) },
    Custom { clear: &["platinum"], prefixes: &["platinum_"], ..custom("platinum", 70, 80) },
    Custom { outer: &["application", "applications"], ..custom(APPLICATIONS, 70, 80) },
    Custom { outer: &["report", "reports"], prefixes: &["rpt_", "report_"], ..custom(REPORTS, 70, 80) },
];

/// Words of folders that may read all and be read by all.
pub(super) const UTILITY_FOLDERS: [&str; 4] = ["utilities", "utils", "utility", "util"];

/// The tables of a data vault: folders that are a layer only together, and the prefixes of their models.
pub(super) const HUBS: [&str; 2] = ["hubs", "hub"];
pub(super) const LINKS_AND_SATELLITES: [&str; 8] =
    ["links", "link", "lnk", "lnks", "sats", "sat", "satellites", "satellite"];
pub(super) const HUB_PREFIXES: [&str; 1] = ["hub_"];
pub(super) const LINK_PREFIXES: [&str; 4] = ["link_", "lnk_", "sat_", "lsat_"];

/// Words that only say that something is a folder of models.
const FILLERS: [&str; 14] = [
    "layer", "layers", "model", "models", "area", "zone", "schema", "tables", "views", "data", "db", "dbt", "sql",
    "lib",
];

/// What a folder's name consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spelled {
    /// The number in front: `L1_inlets`, `01_staging`.
    pub number: Option<u32>,
    /// The words in lower case, without number and fillers.
    pub words: Vec<String>,
}

impl Spelled {
    pub(super) fn of(folder: &str) -> Self {
        let mut words = words(folder);
        let number = take_number(&mut words);
        if number.is_none() && words.len() > 1 && words[0].len() == 1 && words[0].starts_with(char::is_alphabetic) {
            words.remove(0);
        }
        while words.last().is_some_and(|word| FILLERS.contains(&word.as_str())) {
            words.pop();
        }
        let fillers = words.iter().take_while(|word| FILLERS.contains(&word.as_str())).count();
        words.drain(..fillers);
        Self { number, words }
    }
}

/// The words of a name: `DataMarts`, `data-marts` and `data_marts` have the same two.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before: Option<char> = None;
    for letter in name.chars() {
        let is_new = before.is_some_and(|before| {
            before.is_lowercase() && letter.is_uppercase() || before.is_ascii_digit() && letter.is_alphabetic()
        });
        if (is_new || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        before = Some(letter);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Takes the number off the front: `1`, `l1`, `layer1`, or `layer` and `1`.
fn take_number(words: &mut Vec<String>) -> Option<u32> {
    const NAMES: [&str; 6] = ["l", "layer", "level", "lvl", "step", "tier"];
    let first = words.first()?;
    let digits = first.trim_start_matches(|letter: char| letter.is_alphabetic());
    let name = &first[..first.len() - digits.len()];
    if !digits.is_empty() && (name.is_empty() || NAMES.contains(&name)) {
        let number = digits.parse().ok().filter(|number| *number < 1000)?;
        words.remove(0);
        return Some(number);
    }
    let number = words.get(1).filter(|_| NAMES.contains(&first.as_str()))?.parse().ok()?;
    words.drain(..2);
    Some(number)
}

/// The custom that a folder's words name, with how much they say.
pub(super) fn custom_of(words: &[String]) -> Option<(&'static Custom, Trust)> {
    let whole = words.join("_");
    let of_word = |word: &str| {
        CUSTOMS.iter().find_map(|custom| {
            let lists = [(custom.clear, Trust::Clear), (custom.outer, Trust::Outer), (custom.weak, Trust::Weak)];
            let (_, trust) = lists.into_iter().find(|(list, _)| list.contains(&word))?;
            Some((custom, trust))
        })
    };
    let named = of_word(&whole).or_else(|| {
        // `raw_stage` is what is staged as it came.
        let is_raw = words.len() == 2 && words[0] == "raw";
        is_raw.then(|| of_word(&words[1]).filter(|(custom, _)| custom.name == STAGING).and(of_word("raw"))).flatten()
    });
    // One of several words says less: `common_mart_sales`, `stg_crm`. The first may be a prefix: `int_crm`.
    named.or_else(|| {
        let is_prefix = |at: usize, word: &str, custom: &Custom| {
            at == 0 && words.len() > 1 && custom.prefixes.iter().any(|prefix| prefix.strip_suffix('_') == Some(word))
        };
        let named = words.iter().enumerate().filter_map(|(at, word)| Some((at, word, of_word(word)?)));
        let mut telling =
            named.filter(|(at, word, (custom, trust))| *trust == Trust::Clear || is_prefix(*at, word, custom));
        telling.next().map(|(_, _, (custom, _))| (custom, Trust::Weak))
    })
}

/// The custom that the beginning of a model's name tells, with the beginning as it is spelled. What stands
/// before a layer's own prefix counts to it: `_int_`, `v_stg_`, `01_stg_`.
pub(super) fn custom_of_name(name: &str, has_vault: bool) -> Option<(&'static str, &str)> {
    let known = |rest: &str| {
        let fits = |prefix: &str| {
            rest.len() > prefix.len()
                && rest.is_char_boundary(prefix.len())
                && rest[..prefix.len()].eq_ignore_ascii_case(prefix)
        };
        let own = CUSTOMS.iter().flat_map(|custom| custom.prefixes.iter().map(|prefix| (custom.name, *prefix)));
        let vault = HUB_PREFIXES.iter().chain(&LINK_PREFIXES).filter(|_| has_vault).map(|prefix| (RAW_VAULT, *prefix));
        own.chain(vault).filter(|(_, prefix)| fits(prefix)).max_by_key(|(_, prefix)| prefix.len())
    };
    let mut start = 0;
    loop {
        let rest = name.get(start..)?;
        if let Some((custom, prefix)) = known(rest) {
            return Some((custom, &name[..start + prefix.len()]));
        }
        let word = rest.split_once('_')?.0;
        let is_nothing = word.is_empty()
            || word.chars().all(|letter| letter.is_ascii_digit())
            || ["v", "vw", "V", "VW"].contains(&word);
        if !is_nothing {
            return None;
        }
        start += word.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_letters_case_and_fillers_are_no_part_of_a_folders_word() {
        for (folder, number, words) in [
            ("staging", None, "staging"),
            ("1_base", Some(1), "base"),
            ("01_staging", Some(1), "staging"),
            ("10-raw", Some(10), "raw"),
            ("02staging", Some(2), "staging"),
            ("L1_inlets", Some(1), "inlets"),
            ("layer_2_clean", Some(2), "clean"),
            ("Layer3", Some(3), ""),
            ("STAGING", None, "staging"),
            ("DataMarts", None, "marts"),
            ("data_marts", None, "marts"),
            ("staging_area", None, "staging"),
            ("intermediate models", None, "intermediate"),
            ("a_staging", None, "staging"),
            ("models", None, ""),
            ("s3_sources", None, "s3 sources"),
            ("ga4", None, "ga4"),
            ("2024", Some(2024).filter(|year| *year < 1000), "2024"),
        ] {
            let spelled = Spelled::of(folder);
            assert_eq!((spelled.number, spelled.words.join(" ").as_str()), (number, words), "{folder}");
        }
    }

    #[test]
    fn a_folder_is_known_by_its_words() {
        for (folder, name, trust) in [
            ("mart", MARTS, Trust::Clear),
            ("data_marts", MARTS, Trust::Clear),
            ("Staging Area", STAGING, Trust::Clear),
            ("raw_data", "raw", Trust::Outer),
            ("raw_stage", "raw", Trust::Outer),
            ("raw_vault", RAW_VAULT, Trust::Clear),
            ("business-vault", "business_vault", Trust::Clear),
            ("common_mart_sales", MARTS, Trust::Weak),
            ("core", "core", Trust::Weak),
            ("int_crm", INTERMEDIATE, Trust::Weak),
        ] {
            let found = custom_of(&Spelled::of(folder).words).map(|(custom, trust)| (custom.name, trust));
            assert_eq!(found, Some((name, trust)), "{folder}");
        }
        for folder in ["finance", "server_side", "models", "", "materials_raw"] {
            assert!(custom_of(&Spelled::of(folder).words).is_none(), "{folder}");
        }
    }

    #[test]
    fn each_word_and_prefix_names_one_custom() {
        let words = CUSTOMS.iter().flat_map(|custom| [custom.clear, custom.outer, custom.weak].concat());
        let mut words: Vec<&str> = words.chain(UTILITY_FOLDERS).chain(HUBS).chain(LINKS_AND_SATELLITES).collect();
        let prefixes = CUSTOMS.iter().flat_map(|custom| custom.prefixes);
        let mut prefixes: Vec<&str> = prefixes.chain(&HUB_PREFIXES).chain(&LINK_PREFIXES).copied().collect();
        for texts in [&mut words, &mut prefixes] {
            texts.sort_unstable();
            let all = texts.len();
            texts.dedup();
            assert_eq!(texts.len(), all);
        }
    }

    #[test]
    fn a_name_tells_its_layer_by_how_it_begins() {
        let of = |name: &'static str| custom_of_name(name, false);
        assert_eq!(of("stg_dim_orders"), Some((STAGING, "stg_")));
        assert_eq!(of("STG_ORDERS"), Some((STAGING, "STG_")));
        assert_eq!(of("_int_orders"), Some((INTERMEDIATE, "_int_")));
        assert_eq!(of("v_stg_orders"), Some((STAGING, "v_stg_")));
        assert_eq!(of("fact_orders"), Some((MARTS, "fact_")));
        assert_eq!(of("silver__orders"), Some(("silver", "silver_")));
        assert_eq!((of("orders"), of("stg_"), of("sat_orders"), of("é_x")), (None, None, None, None));
        assert_eq!(custom_of_name("sat_orders", true), Some((RAW_VAULT, "sat_")));
    }
}
