//! What Jinja templates compute with as Python does. It knows neither dbt nor salsa: whoever renders says what a
//! rendering may do and is told what nobody knows, by a [`rendering::Rendering`], and adds functions of its own to an
//! [`environment::environment`].

pub mod arguments;
pub mod containers;
pub mod data;
mod date_formats;
pub mod dates;
pub mod dicts;
pub mod dump;
pub mod environment;
mod filters;
mod itertools;
pub mod lists;
mod literals;
pub mod meter;
mod methods;
pub mod modules;
mod operators;
mod patterns;
mod re;
pub mod rendering;
pub mod sets;
pub mod unknown;
mod urls;
