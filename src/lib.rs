pub mod db;
pub mod files;
pub mod project;
pub mod report;
pub mod rules;
pub mod session;
pub mod syntax;
