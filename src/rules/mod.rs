pub mod case;
pub mod finding;
pub mod fingerprint;
pub mod registry;
pub mod rule;
pub mod template;
pub mod violation;
