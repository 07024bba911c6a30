//! What `harness watch` shows: events for programs, lines for pipes, a steady view on a terminal.

use super::super::terminal::{self, Status, put};
use super::super::{Global, say};
use super::live::Part;
use crate::report::Summary;
use crate::report::watch::{self, Difference, changed_files, counts, extent, time};
use anstyle::{AnsiColor, Style};
use std::collections::BTreeSet;
use std::io::{self, IsTerminal, stderr, stdout};
use std::time::Instant;

/// So many of the findings that come or go are listed in the view.
const LISTED: usize = 20;

/// What a look came to.
#[derive(Debug)]
pub(super) struct Settled<'a> {
    pub(super) is_first: bool,
    pub(super) revision: u64,
    pub(super) findings: usize,
    pub(super) changed: &'a BTreeSet<String>,
    pub(super) since: Instant,
}

#[derive(Debug)]
pub(super) enum Show {
    Events,
    Lines { color: bool },
    View(View),
}

impl Show {
    pub(super) fn new(global: &Global, is_for_programs: bool) -> Self {
        let color = terminal::is_coloured(global);
        if is_for_programs {
            Self::Events
        } else if stdout().is_terminal() {
            Self::View(View { color, ..View::default() })
        } else {
            Self::Lines { color }
        }
    }

    /// `summary` is absent where nothing was checked.
    pub(super) fn settled(
        &mut self,
        settled: &Settled<'_>,
        difference: &Difference<'_>,
        summary: Option<&Summary>,
    ) -> io::Result<()> {
        match self {
            Self::Events => {
                put(&difference.ndjson())?;
                put(&watch::settled(settled.revision, settled.findings, settled.changed, settled.since.elapsed()))
            }
            Self::Lines { color } => put(&lines(settled, difference, summary, *color)),
            Self::View(view) => view.settled(settled, difference, summary),
        }
    }

    /// What was shown was wrong: here is what is true.
    pub(super) fn mended(
        &mut self,
        settled: &Settled<'_>,
        difference: &Difference<'_>,
        summary: &Summary,
        files: &BTreeSet<String>,
    ) -> io::Result<()> {
        if let Self::Events = self {
            put(&difference.ndjson())?;
            put(&watch::bug(settled.revision, difference, files))?;
            return put(&watch::settled(settled.revision, settled.findings, settled.changed, settled.since.elapsed()));
        }
        self.settled(settled, difference, Some(summary))?;
        self.say(&watch::bug_in_words(files))
    }

    /// Tells what is no finding, in whole lines.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Events | Self::Lines { .. } => {
                say(text);
                Ok(())
            }
            Self::View(view) => view.say(text),
        }
    }

    /// What cannot be used for now.
    pub(super) fn broken(&mut self, parts: Vec<Part>) -> io::Result<()> {
        match self {
            Self::View(view) if view.broken != parts => {
                view.broken = parts;
                view.draw("")
            }
            _ => Ok(()),
        }
    }

    /// A check takes a while.
    pub(super) fn busy(&mut self) -> io::Result<()> {
        match self {
            Self::View(view) => {
                view.is_busy = true;
                view.draw("")
            }
            Self::Events | Self::Lines { .. } => Ok(()),
        }
    }
}

/// The findings that came and went, and a line of what there is now.
fn lines(settled: &Settled<'_>, difference: &Difference<'_>, summary: Option<&Summary>, color: bool) -> String {
    let Some(summary) = summary else { return String::new() };
    let took = time(settled.since.elapsed());
    if settled.is_first {
        return format!("{} in {}; {took}\n", counts(summary, color), extent(summary));
    }
    let mut text = difference.for_people().lines(color, usize::MAX);
    let what = if settled.changed.is_empty() { String::new() } else { format!("{}; ", changed_files(settled.changed)) };
    text.push_str(&format!("{}; {what}{took}\n", counts(summary, color)));
    text
}

/// What came and went stands where it was printed; below it is one line of what there is now.
#[derive(Debug, Default)]
pub(super) struct View {
    color: bool,
    status: Status,
    /// Painted and plain.
    counts: [String; 2],
    extent: String,
    broken: Vec<Part>,
    is_busy: bool,
}

impl View {
    fn settled(
        &mut self,
        settled: &Settled<'_>,
        difference: &Difference<'_>,
        summary: Option<&Summary>,
    ) -> io::Result<()> {
        self.is_busy = false;
        let mut above = String::new();
        if let Some(summary) = summary {
            self.counts = [counts(summary, self.color), counts(summary, false)];
            self.extent = extent(summary);
            let found = difference.for_people();
            let took = time(settled.since.elapsed());
            if settled.is_first {
                above = self.dimmed(&format!("checked in {took}"));
                above.push('\n');
            } else if !found.is_empty() {
                above = self.dimmed(&format!("{} ({took})", changed_files(settled.changed)));
                above.push('\n');
                above.push_str(&found.lines(self.color, LISTED));
            }
        }
        self.draw(&above)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        if stderr().is_terminal() {
            self.status.erase()?;
            say(text);
            self.draw("")
        } else {
            // What goes elsewhere is to be seen here too.
            say(text);
            self.draw(&format!("{text}\n"))
        }
    }

    fn dimmed(&self, text: &str) -> String {
        watch::painted(text, Style::new().dimmed(), self.color)
    }

    /// Draws the status line below some text. As much of it is shown as fits in one line.
    fn draw(&mut self, above: &str) -> io::Result<()> {
        let broken = self.broken.iter().map(|part| {
            let told = format!("{}, the last good one holds", part.broken());
            let told = if *part == Part::Project { "dbt_project.yml is gone, waiting for it".to_owned() } else { told };
            (watch::painted(&told, AnsiColor::Red.on_default(), self.color), told)
        });
        let plain = |text: &str| (self.dimmed(text), text.to_owned());
        let [painted, counted] = self.counts.clone();
        let mut parts = vec![(painted, counted)];
        parts.extend(broken);
        parts.push(plain(if self.is_busy || self.extent.is_empty() { "checking" } else { "watching" }));
        parts.push(plain(&self.extent));
        parts.push(plain("Ctrl-C ends"));
        let (line, columns) = fitting(&parts, terminal::width().saturating_sub(1));
        self.status.draw(above, &line, columns)
    }
}

/// As many parts as fit, with points between them. Of the first, as much as fits.
fn fitting(parts: &[(String, String)], width: usize) -> (String, usize) {
    const BETWEEN: &str = " · ";
    let (mut line, mut columns) = (String::new(), 0);
    for (painted, plain) in parts.iter().filter(|(_, plain)| !plain.is_empty()) {
        let more = plain.chars().count() + if columns == 0 { 0 } else { 3 };
        if columns + more > width {
            if columns == 0 {
                line = plain.chars().take(width).collect();
                columns = line.chars().count();
            }
            break;
        }
        if columns > 0 {
            line.push_str(BETWEEN);
        }
        line.push_str(painted);
        columns += more;
    }
    (line, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(texts: &[&str]) -> Vec<(String, String)> {
        texts.iter().map(|text| (format!("<{text}>"), (*text).to_owned())).collect()
    }

    #[test]
    fn a_status_takes_as_much_of_the_line_as_there_is() {
        let parts = parts(&["3 errors", "", "watching", "5 models"]);
        assert_eq!(fitting(&parts, 80), ("<3 errors> · <watching> · <5 models>".to_owned(), 30));
        assert_eq!(fitting(&parts, 20), ("<3 errors> · <watching>".to_owned(), 19));
        assert_eq!(fitting(&parts, 18), ("<3 errors>".to_owned(), 8));
        assert_eq!(fitting(&parts, 4), ("3 er".to_owned(), 4));
        assert_eq!(fitting(&parts, 0), (String::new(), 0));
    }
}
